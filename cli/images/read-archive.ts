/** An archive that a user named, as bytes. */
import { createReadStream, statSync } from "node:fs";
import { StoreError } from "../../store/errors.ts";

const CHUNK_BYTES = 1 << 20;

/** @throws {StoreError} `ARCHIVE_INVALID` for what is no file */
export function readArchive(path: string): AsyncIterable<Uint8Array> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new StoreError("ARCHIVE_INVALID", `Cannot load ${path}: there is no such file`);
  if (found.isDirectory()) throw new StoreError("ARCHIVE_INVALID", `Cannot load ${path}: it is a folder`);
  return createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Uint8Array>;
}
