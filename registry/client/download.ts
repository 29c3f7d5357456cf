/** A blob from a registry. A large one comes in parts over several connections where the registry knows ranges, and is put together in order. */
import type { Descriptor } from "../../store/oci.ts";
import type { ByteRange } from "../../store/store.ts";
import { prefetch } from "./prefetch.ts";
import { openRange, readRange, type DownloadOptions, type Opened } from "./range.ts";
import type { Remote } from "./remote.ts";

/** Connections for one blob. */
const WIDTH = 4;
/** What of a blob may wait in memory is this times WIDTH. */
const PART_BYTES = 4 << 20;
/** Below this a second connection does not pay. */
const LARGE_BYTES = 16 << 20;

/** Whoever takes the bytes verifies their digest. @throws {RegistryError} `BLOB_UNKNOWN`, `SIZE_INVALID` */
export async function* download(remote: Remote, descriptor: Descriptor, offset: number, options: DownloadOptions): AsyncGenerator<Uint8Array> {
  const whole = { start: offset, end: descriptor.size };
  if (whole.end - whole.start < LARGE_BYTES) return yield* readRange(remote, descriptor, whole, options);
  const opened = await openRange(remote, descriptor, { start: offset, end: offset + PART_BYTES }, options);
  if (opened.isPart) yield* sideBySide(remote, descriptor, partsOf(whole), options, opened);
  else yield* readRange(remote, descriptor, whole, options, opened);
}

function partsOf({ start, end }: ByteRange): readonly ByteRange[] {
  return Array.from({ length: Math.ceil((end - start) / PART_BYTES) }, (_, index) => {
    const from = start + index * PART_BYTES;
    return { start: from, end: Math.min(from + PART_BYTES, end) };
  });
}

async function* sideBySide(
  remote: Remote,
  descriptor: Descriptor,
  parts: readonly ByteRange[],
  options: DownloadOptions,
  opened: Opened,
): AsyncGenerator<Uint8Array> {
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, options.signal ?? remote.signal]);
  const begin = (part: ByteRange, index: number): AsyncIterable<Uint8Array> =>
    prefetch(readRange(remote, descriptor, part, { ...options, signal }, index === 0 ? opened : undefined));
  const under: AsyncIterable<Uint8Array>[] = [];
  try {
    for (const [index, part] of parts.entries()) {
      under.push(begin(part, index));
      if (under.length >= WIDTH) yield* under.shift()!;
    }
    for (const content of under) yield* content;
  } finally {
    leaving.abort(); // of no effect when all is there
  }
}
