/** Files of a folder that somebody else wrote: a pipe, a socket or a device there is refused, not waited for. */
import { constants } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { StoreError } from "./errors.ts";
import { kindOf } from "./own-file.ts";

/** The caller closes it. */
async function openPlainFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(async (error: unknown) => {
    throw isClosedEnd(error) ? notPlain(path, kindOf(await stat(path)), error) : error;
  });
  const found = await file.stat();
  if (found.isFile()) return file;
  await file.close();
  throw notPlain(path, kindOf(found));
}

/** The whole of it. @throws {StoreError} `FILE_FOREIGN`; what open(2) says, of an absent file say */
export async function readPlainFile(path: string): Promise<Buffer> {
  await using file = await openPlainFile(path);
  return await file.readFile();
}

/** From a byte on. @throws as `readPlainFile` */
export async function* readPlainFrom(path: string, start: number, chunkBytes: number): AsyncGenerator<Uint8Array> {
  const file = await openPlainFile(path);
  yield* file.createReadStream({ start, highWaterMark: chunkBytes }) as AsyncIterable<Uint8Array>; // which closes it
}

/** What open(2) says of a socket, and of a device that is not there. */
function isClosedEnd(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENXIO";
}

function notPlain(path: string, kind: string, cause?: unknown): StoreError {
  return new StoreError("FILE_FOREIGN", `Cannot read ${path}: it is ${kind}, not a file`, { cause, hint: "Put the file itself there, or get the image anew" });
}
