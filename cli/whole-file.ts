/** A file that a user named: whole or as it was before. */
import { createWriteStream, renameSync, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { OutputError } from "./errors.ts";
import { holdPipe, placeOf } from "./file-place.ts";

/** Written beside and renamed. What is no plain file (a pipe, /dev/null, /dev/stdout) is written as it is. @throws {OutputError} */
export async function writeWholeFile(path: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  const { place, isPlain, flags, mode } = placeOf(path);
  const fresh = isPlain ? `${place}.${process.pid}.part` : place;
  const source = watched(content);
  try {
    using _pipe = holdPipe(place);
    await pipeline(Readable.from(source.content, { objectMode: false }), createWriteStream(fresh, { flags, mode }), { signal });
    if (isPlain) renameSync(fresh, place);
  } catch (error) {
    signal.throwIfAborted();
    if (source.hasFailed() || !(error instanceof Error && "syscall" in error)) throw error;
    throw new OutputError("OUTPUT_FAILED", `Cannot write the result to ${path}: ${error.message.replaceAll(fresh, place)}`, { cause: error });
  } finally {
    if (isPlain) rmSync(fresh, { force: true });
  }
}

/** What the content's own source fails with is not about the file. */
function watched(content: AsyncIterable<Uint8Array>): { readonly content: AsyncIterable<Uint8Array>; readonly hasFailed: () => boolean } {
  let isFailed = false;
  async function* passed(): AsyncGenerator<Uint8Array> {
    try {
      yield* content;
    } catch (error) {
      isFailed = true;
      throw error;
    }
  }
  return { content: passed(), hasFailed: () => isFailed };
}
