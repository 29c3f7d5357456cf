/**
 * A blob from a registry into an empty file, as download.ts gives it to a reader: what a quick line brings goes by threads of an addon,
 * past Node; over a slow one Node has time. What is hashed is what was written.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openHash } from "../../http/transfer.ts";
import { algorithmOf } from "../../store/digest.ts";
import { lent } from "../../store/lent.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { ByteRange, Filled } from "../../store/content.ts";
import { inParts, LARGE_BYTES, PART_BYTES, QUICK } from "./download.ts";
import { paced } from "./pace.ts";
import { endure, openRange, PROGRESS_BYTES, tooLong, tooShort, type DownloadOptions, type Opened } from "./range.ts";
import { FileFailure, pour, receive, type Target } from "./receive.ts";
import type { Begun } from "./replayable.ts";
import type { Remote } from "./remote.ts";

/** Less is read sooner than a connection is made. */
const LEAST_BYTES = 1 << 20;

export interface Place {
  readonly file: number;
  readonly begun?: Begun | undefined;
}

/** Undefined, with nothing written, where it has to be read. @throws as `download`, and what the file refuses, with the `syscall` `write` */
export async function downloadInto(
  remote: Remote,
  descriptor: Descriptor,
  { file, begun = { at: 0 } }: Place,
  options: DownloadOptions,
): Promise<Filled | undefined> {
  const { size, digest } = descriptor;
  if (begun.hash === undefined && !(remote.base.startsWith("http:") && size >= LEAST_BYTES && algorithmOf(digest) === "sha256")) return undefined;
  const hash = (begun.hash ??= openHash());
  if (hash === undefined) return undefined;
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, remote.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const work: Work = { remote, descriptor, begun, target: { file, hash }, options: { ...options, isBulk: true, signal }, stop: () => leaving.abort() };
  try {
    if (!(await fill(work))) return undefined;
  } catch (error) {
    throw error instanceof FileFailure ? error.cause : error;
  }
  const sha256 = hash.digest();
  return sha256 === undefined ? undefined : { size, sha256 };
}

interface Work {
  readonly remote: Remote;
  readonly descriptor: Descriptor;
  readonly begun: Begun;
  readonly target: Target;
  readonly options: DownloadOptions & { readonly signal: AbortSignal };
  /** Ends what is under way, by `signal`. */
  readonly stop: () => void;
}

/** False, with nothing written, where it has to be read. */
async function fill(work: Work): Promise<boolean> {
  const { remote, descriptor, options, begun } = work;
  const end = descriptor.size;
  const part = end - begun.at < LARGE_BYTES ? end : begun.at + PART_BYTES;
  const opened = await openRange(remote, descriptor, { start: begun.at, end: part }, options);
  if (begun.at === 0 && opened.content.detach === undefined) {
    opened.leave();
    return false;
  }
  if (opened.isPart && part < end) await fillInParts(work, part, opened);
  else await fillRange(work, end, opened);
  return true;
}

/** The first part tells whether the line is slow: then others come beside it, before it is here. */
async function fillInParts(work: Work, at: number, opened: Opened): Promise<void> {
  const { remote, descriptor, options, begun, target } = work;
  const filling = fillRange(work, at, opened);
  const waiting = sleep(PART_BYTES / QUICK, false, { signal: options.signal });
  try {
    if (await Promise.race([filling.then(() => true), waiting])) return await fillRange(work, descriptor.size);
    const others = inParts(remote, descriptor, { start: at, end: descriptor.size }, { ...options, isBulk: false });
    const [first] = await Promise.all([others.next(), filling]);
    for (let next = first; next.done !== true; next = await others.next()) {
      await pour(target, begun.at, next.value);
      begun.at += next.value.length;
    }
  } finally {
    work.stop(); // of no effect when all is there
    await filling.catch(() => {}); // it has been told already
  }
}

/** `opened` is the first answer, when somebody has it already. Goes on by `Range` where it was cut. */
async function fillRange(work: Work, end: number, opened?: Opened): Promise<void> {
  const { remote, descriptor, options, begun } = work;
  let [failures, first] = [0, opened];
  while (begun.at < end) {
    const before = begun.at;
    try {
      const answer = first ?? (await openRange(remote, descriptor, { start: before, end }, options));
      first = undefined;
      await take(work, answer, { start: before, end });
      if (begun.at < end) throw tooShort(descriptor, options, begun.at, end);
    } catch (error) {
      first = undefined;
      if (error instanceof FileFailure) throw error;
      failures = await endure(remote, descriptor, options, error, begun.at - before >= PROGRESS_BYTES ? 0 : failures);
    }
  }
}

/** Whatever comes of one answer. */
async function take({ remote, descriptor, target, options, begun }: Work, answer: Opened, { start, end }: ByteRange): Promise<void> {
  const came = (count: number): void => {
    begun.at += count;
    options.onBytes?.(count);
  };
  try {
    const rest = answer.content.detach?.();
    const most = end - start;
    if (rest !== undefined) {
      if (rest.head.length + rest.length > most && end === descriptor.size) throw tooLong(descriptor, options);
      const head = rest.head.subarray(0, most);
      const wanted = { ...rest, head, length: Math.min(rest.length, most - head.length) };
      return await receive(wanted, target, { offset: start, idleMs: remote.idleMs, signal: options.signal, onBytes: came });
    }
    for await (const chunk of paced(lent(answer.content), remote.idleMs)) {
      const wanted = end < descriptor.size ? chunk.subarray(0, end - begun.at) : chunk;
      if (begun.at + wanted.length > descriptor.size) throw tooLong(descriptor, options);
      await pour(target, begun.at, wanted);
      came(wanted.length);
      if (begun.at === end && end < descriptor.size) return;
    }
  } finally {
    answer.leave();
  }
}
