/** Bytes of a blob from a registry, over one connection at a time: goes on by `Range` where it was cut, and never gives more than was asked for. */
import { lent } from "../../store/lent.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { ByteRange } from "../../store/content.ts";
import { RegistryError } from "../errors.ts";
import { answerError } from "./answer-error.ts";
import type { BulkBody } from "./bulk.ts";
import type { Answer } from "./connection.ts";
import { paced, Stalled } from "./pace.ts";
import type { Remote } from "./remote.ts";
import { pause } from "./retry.ts";

export interface DownloadOptions {
  readonly path: string;
  readonly scopes: readonly string[];
  /** `host/repository`, for errors. */
  readonly from: string;
  readonly onBytes?: ((count: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Much is to come: see `Exchange`. */
  readonly isBulk?: boolean;
  /** Whoever reads keeps no chunk beyond the next one. @default false */
  readonly isLent?: boolean;
}

export interface Opened {
  readonly content: AsyncIterable<Uint8Array> & Partial<Pick<BulkBody, "detach">>;
  /** Lets go of it unread. */
  readonly leave: () => void;
  /** The registry gave the part that was asked for, not everything. */
  readonly isPart: boolean;
}

/** A connection that brought fewer bytes than this before it was cut counts as a failure, or a server could keep us for ever. */
export const PROGRESS_BYTES = 64 << 10;

/** `opened` is the first answer, when somebody has it already. @throws {RegistryError} `BLOB_UNKNOWN`, `SIZE_INVALID`, `UNREACHABLE` */
export async function* readRange(
  remote: Remote,
  descriptor: Descriptor,
  { start, end }: ByteRange,
  options: DownloadOptions,
  opened?: Opened,
): AsyncGenerator<Uint8Array> {
  let [at, failures, first] = [start, 0, opened];
  do {
    const before = at;
    try {
      const { content } = first ?? (await openRange(remote, descriptor, { start: at, end }, options));
      first = undefined;
      for await (const chunk of paced(options.isLent === true ? lent(content) : content, remote.idleMs)) {
        const wanted = end < descriptor.size ? chunk.subarray(0, end - at) : chunk;
        at += wanted.length;
        if (at > descriptor.size) throw tooLong(descriptor, options);
        options.onBytes?.(wanted.length);
        yield wanted;
        if (at === end && end < descriptor.size) return;
      }
      if (at === end) return;
      throw tooShort(descriptor, options, at, end);
    } catch (error) {
      first = undefined;
      failures = await endure(remote, descriptor, options, error, at - before >= PROGRESS_BYTES ? 0 : failures);
    }
  } while (at < end || end === 0);
}

/** Waits for the next attempt; gives how many failed. @throws {RegistryError} when there is no sense in another */
export async function endure(remote: Remote, descriptor: Descriptor, options: DownloadOptions, error: unknown, before: number): Promise<number> {
  remote.signal.throwIfAborted();
  options.signal?.throwIfAborted();
  const failures = before + (error instanceof Stalled ? 2 : 1); // a stall has taken its time already
  if (!isCut(error) || failures >= remote.policy.attempts) throw error instanceof RegistryError ? error : cut(descriptor, options, error);
  await pause(remote.policy, failures, options.signal ?? remote.signal);
  return failures;
}

/** @throws {RegistryError} `BLOB_UNKNOWN`, `SIZE_INVALID` */
export async function openRange(
  remote: Remote,
  descriptor: Descriptor,
  { start, end }: ByteRange,
  { path, scopes, from, signal, isBulk }: DownloadOptions,
): Promise<Opened> {
  const last = end < descriptor.size ? String(end - 1) : "";
  const headers: Record<string, string> = start === 0 && last === "" ? {} : { range: `bytes=${start}-${last}` };
  const answer = await remote.exchange({ method: "GET", path, scopes, headers, signal, isBulk });
  if (answer.status === 206 && answer.headers["content-range"]?.startsWith(`bytes ${start}-`) === true)
    return { content: answer.body, leave: answer.leave, isPart: true };
  if (answer.status !== 200) throw await answerError(answer, `download ${descriptor.digest} from ${from}`, "BLOB_UNKNOWN");
  checkLength(answer, descriptor, from);
  return { content: start === 0 ? answer.body : skip(answer.body, start), leave: answer.leave, isPart: false };
}

function checkLength({ headers, leave }: Answer, descriptor: Descriptor, from: string): void {
  const { "content-length": length, "content-type": type = "" } = headers;
  if (length === undefined || Number(length) === descriptor.size) return;
  leave();
  const page = type.startsWith("text/html") ? " of a web page" : "";
  throw new RegistryError(
    "SIZE_INVALID",
    `Cannot download ${descriptor.digest} from ${from}: the registry offers ${length} bytes${page} where ${descriptor.size} are expected`,
  );
}

async function* skip(content: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of content) {
    if (left < chunk.length) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

/** A socket error in the middle of a body, or an end before its time. */
function isCut(error: unknown): boolean {
  return !(error instanceof RegistryError) || error.code === "UNREACHABLE";
}

export function tooLong({ digest, size }: Descriptor, { from }: DownloadOptions): RegistryError {
  return new RegistryError("SIZE_INVALID", `Cannot download ${digest} from ${from}: more than ${size} bytes came`);
}

export function tooShort({ digest }: Descriptor, { from }: DownloadOptions, came: number, end: number): RegistryError {
  return new RegistryError("UNREACHABLE", `Cannot download ${digest} from ${from}: ${came} of ${end} bytes came`);
}

function cut({ digest }: Descriptor, { from }: DownloadOptions, cause: unknown): RegistryError {
  const why = cause instanceof Stalled ? cause.message : "the connection was cut";
  return new RegistryError("UNREACHABLE", `Cannot download ${digest} from ${from}: ${why}`, { cause });
}
