/**
 * A blob from a registry. A large one is asked for in parts, where the registry knows ranges: the first part tells whether the line is slow.
 * Over a slow one the others come side by side and are put together in order; what a quick one has left comes at once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Descriptor } from "../../store/oci.ts";
import type { ByteRange } from "../../store/content.ts";
import { prefetch, type Prefetched } from "./prefetch.ts";
import { openRange, readRange, type DownloadOptions, type Opened } from "./range.ts";
import type { Remote } from "./remote.ts";

/** Connections for one blob. */
const WIDTH = 4;
/** What of a blob may wait in memory is this times WIDTH. */
export const PART_BYTES = 4 << 20;
/** Below this a second connection does not pay. */
export const LARGE_BYTES = 16 << 20;
/** Bytes in a millisecond over one connection that others would hardly make more. */
export const QUICK = 20_000;

/** Whoever takes the bytes verifies their digest. @throws {RegistryError} `BLOB_UNKNOWN`, `SIZE_INVALID` */
export async function* download(remote: Remote, descriptor: Descriptor, offset: number, options: DownloadOptions): AsyncGenerator<Uint8Array> {
  const whole = { start: offset, end: descriptor.size };
  if (whole.end - whole.start < LARGE_BYTES) return yield* readRange(remote, descriptor, whole, options);
  const opened = await openRange(remote, descriptor, { start: offset, end: offset + PART_BYTES }, options);
  if (opened.isPart) yield* inParts(remote, descriptor, whole, options, opened);
  else yield* readRange(remote, descriptor, whole, options, opened);
}

/** @param opened the answer for the first part, when somebody has it already */
export async function* inParts(
  remote: Remote,
  descriptor: Descriptor,
  whole: ByteRange,
  options: DownloadOptions,
  opened?: Opened,
): AsyncGenerator<Uint8Array> {
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, options.signal ?? remote.signal]);
  const begin = (part: ByteRange, first?: Opened): Prefetched => prefetch(readRange(remote, descriptor, part, { ...options, isLent: false, signal }, first));
  const started = performance.now();
  let at = Math.min(whole.start + PART_BYTES, whole.end);
  const under = [begin({ start: whole.start, end: at }, opened)];
  try {
    let isQuick = await Promise.race([under[0]!.settled.then(() => true), sleep(PART_BYTES / QUICK, false, { signal })]);
    for (let came = 0; at < whole.end && !isQuick;) {
      const part = { start: at, end: Math.min(at + PART_BYTES, whole.end) };
      under.push(begin(part));
      at = part.end;
      if (under.length < WIDTH) continue;
      yield* under.shift()!;
      came += PART_BYTES;
      isQuick = came >= QUICK * WIDTH * (performance.now() - started);
    }
    for (const content of under) yield* content;
    if (at < whole.end) yield* readRange(remote, descriptor, { start: at, end: whole.end }, { ...options, isBulk: true });
  } finally {
    leaving.abort(); // of no effect when all is there
  }
}
