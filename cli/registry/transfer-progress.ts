/** Blobs on their way, shown as docker does: lines that change on a terminal, a line for each end in a pipe. */
import type { OnTransfer, TransferState } from "../../registry/client/repository.ts";
import { encodedOf } from "../../store/digest.ts";
import type { Descriptor } from "../../store/oci.ts";

export interface TransferProgress extends Disposable {
  readonly onTransfer: OnTransfer;
}

export type Words = Readonly<Record<TransferState, string>>;

export const PUSH_WORDS: Words = { waiting: "Waiting", exists: "Layer already exists", mounted: "Mounted", transferring: "Pushing", done: "Pushed" };
export const PULL_WORDS: Words = {
  waiting: "Pulling fs layer",
  exists: "Already exists",
  mounted: "Already exists",
  transferring: "Downloading",
  done: "Pull complete",
};

interface Row {
  state: TransferState;
  bytes: number;
  readonly descriptor: Descriptor;
}

const REDRAW_MS = 100;
const SHORT = 12;
const ENDS: ReadonlySet<TransferState> = new Set(["exists", "mounted", "done"]);

export function showTransfers(stream: NodeJS.WriteStream, words: Words, quiet: boolean): TransferProgress {
  if (quiet) return { onTransfer: () => {}, [Symbol.dispose]: () => {} };
  return stream.isTTY ? live(stream, words) : plain(stream, words);
}

function plain(stream: NodeJS.WriteStream, words: Words): TransferProgress {
  const said = new Set<string>();
  const onTransfer: OnTransfer = ({ digest }, state) => {
    if (!ENDS.has(state) || said.has(digest)) return;
    said.add(digest);
    stream.write(`${encodedOf(digest).slice(0, SHORT)}: ${words[state]}\n`);
  };
  return { onTransfer, [Symbol.dispose]: () => {} };
}

function live(stream: NodeJS.WriteStream, words: Words): TransferProgress {
  const rows = new Map<string, Row>();
  let drawn = 0;
  let isDirty = false;
  const draw = (): void => {
    if (!isDirty) return;
    isDirty = false;
    const lines = [...rows.values()].map((row) => `\u001b[2K${describe(row, words).slice(0, stream.columns)}\n`);
    stream.write(`${drawn === 0 ? "" : `\u001b[${drawn}A`}${lines.join("")}`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, REDRAW_MS).unref();
  const onTransfer: OnTransfer = (descriptor, state, bytes) => {
    const row = rows.get(descriptor.digest) ?? { descriptor, state, bytes: 0 };
    rows.set(descriptor.digest, row);
    if (!ENDS.has(row.state)) row.state = state;
    row.bytes += bytes;
    isDirty = true;
  };
  return {
    onTransfer,
    [Symbol.dispose](): void {
      clearInterval(timer);
      draw();
    },
  };
}

function describe({ state, bytes, descriptor }: Row, words: Words): string {
  const label = `${encodedOf(descriptor.digest).slice(0, SHORT)}: ${words[state]}`;
  return state === "transferring" ? `${label} ${megabytes(bytes)}/${megabytes(descriptor.size)}` : label;
}

function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)}kB` : `${(bytes / 1e6).toFixed(1)}MB`;
}
