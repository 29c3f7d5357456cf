/** The canonical tar of a layer as bytes, one pass over its entries (normal order) and their files. Synchronous: for worker threads. */
import { StoreError } from "../errors.ts";
import type { LayerEntry } from "../store.ts";
import { BLOCK_BYTES, encodeHeader, paddingOf, type TarHeader } from "../tar/header.ts";
import { tarName } from "./normal.ts";

export const BUFFER_BYTES = 1 << 20;

/** Where files' bytes come from; what else happens to them (being written elsewhere) is its own affair. */
export interface FileReader {
  /** Bytes of the content. */
  open(entry: LayerEntry): number;
  /** Bytes read into `buffer` from `at` on, at most `length`; 0 at the end. */
  read(buffer: Buffer, at: number, length: number): number;
  close(): void;
}

/** Yields views of one buffer that the next step overwrites. @throws {StoreError} `LAYER_INVALID` when a file shrinks while it is read */
export function* canonicalTar(entries: readonly LayerEntry[], files: FileReader): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let used = 0;
  for (const entry of entries) {
    const size = entry.type === "file" ? files.open(entry) : 0;
    const header = encodeHeader(headerOf(entry, size));
    if (used + header.length > buffer.length) {
      yield buffer.subarray(0, used);
      used = 0;
    }
    if (header.length > buffer.length) yield header;
    else used += header.copy(buffer, used);
    for (let left = size; left > 0;) {
      if (used === buffer.length) {
        yield buffer;
        used = 0;
      }
      const read = files.read(buffer, used, Math.min(left, buffer.length - used));
      if (read === 0) throw new StoreError("LAYER_INVALID", `Cannot write layer entry ${entry.path}: the file shrank while it was read`);
      left -= read;
      used += read;
    }
    if (entry.type === "file") files.close();
    const padding = paddingOf(size);
    if (used + padding > buffer.length) {
      yield buffer.subarray(0, used);
      used = 0;
    }
    buffer.fill(0, used, used + padding);
    used += padding;
  }
  if (used > 0) yield buffer.subarray(0, used);
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

export function headerOf(entry: LayerEntry, size: number): TarHeader {
  const name = tarName(entry);
  if (entry.type === "whiteout" || entry.type === "opaque") return { name, type: "file", mode: 0, uid: 0, gid: 0, mtime: 0, size: 0 };
  return {
    name,
    type: entry.type,
    mode: entry.type === "symlink" ? 0o777 : entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    mtime: Math.floor(entry.mtime),
    size,
    ...(entry.type === "symlink" || entry.type === "hardlink" ? { target: entry.target ?? "" } : {}),
    ...(entry.type === "character" || entry.type === "block" ? { major: entry.major ?? 0, minor: entry.minor ?? 0 } : {}),
    ...(entry.xattrs === undefined || entry.type === "hardlink" ? {} : { xattrs: entry.xattrs }),
  };
}
