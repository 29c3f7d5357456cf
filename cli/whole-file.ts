/** A file that a user named: whole or as it was before. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { writeBehind } from "../store/blob/write-behind.ts";
import { FreshFile, sweepBeside } from "../store/fresh-file.ts";
import { OutputError } from "./errors.ts";
import { holdPipe, placeOf, type FilePlace } from "./file-place.ts";

/** Written beside and renamed. What is no plain file (a pipe, /dev/null, /dev/stdout) is written as it is. @throws {OutputError} */
export async function writeWholeFile(path: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  const file = placeOf(path);
  const source = watched(content);
  const write = file.isPlain ? replace : fill;
  try {
    await write(file, source.content, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (source.hasFailed() || !(error instanceof Error && "syscall" in error)) throw error;
    throw new OutputError("OUTPUT_FAILED", `Cannot write the result to ${path}: ${error.message}`, { cause: error });
  }
}

async function replace({ place, mode }: FilePlace, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  await sweepBeside(place);
  await using fresh = await FreshFile.open(place, mode === undefined ? undefined : { mode });
  await writeBehind(until(signal, content), async (block) => await fresh.handle.writeFile(block));
  await fresh.settle();
}

async function fill({ place, flags }: FilePlace, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  using _pipe = holdPipe(place);
  await pipeline(Readable.from(content, { objectMode: false }), createWriteStream(place, { flags }), { signal });
}

async function* until(signal: AbortSignal, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    signal.throwIfAborted();
    yield chunk;
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
