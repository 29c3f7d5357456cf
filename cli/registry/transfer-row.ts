/** How far a blob is, how quickly it comes, and how long it will take. */
import type { TransferState } from "../../registry/client/remote-repository.ts";
import type { Descriptor } from "../../store/oci.ts";

export interface Row {
  state: TransferState;
  bytes: number;
  /** When its first bytes came, in milliseconds. */
  since: number | undefined;
  readonly descriptor: Descriptor;
}

/** A speed that is measured over less than this says nothing. */
const MEASURED_MS = 500;
const ENDS: ReadonlySet<TransferState> = new Set(["exists", "mounted", "done"]);

export function isEnd(state: TransferState): boolean {
  return ENDS.has(state);
}

/** What stands behind the word: `  12.3MB/45.6MB  5.2MB/s  6s left`. */
export function describeTransfer({ state, bytes, since, descriptor: { size } }: Row, now: number): string {
  if (state !== "transferring") return "";
  const share = ` ${megabytes(Math.min(bytes, size))}/${megabytes(size)}`;
  const elapsed = now - (since ?? now);
  if (elapsed < MEASURED_MS || bytes === 0) return share;
  const perSecond = (bytes / elapsed) * 1000;
  return `${share} ${megabytes(perSecond)}/s${bytes >= size ? "" : ` ${duration((size - bytes) / perSecond)} left`}`;
}

function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)}kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)}MB` : `${(bytes / 1e9).toFixed(2)}GB`;
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole}s`;
  return whole < 3600 ? `${Math.floor(whole / 60)}m${whole % 60}s` : `${Math.floor(whole / 3600)}h${Math.floor((whole % 3600) / 60)}m`;
}
