/**
 * The lines of a log that the monitor rotates: PATH is written to, PATH.1 was full before it, PATH.2 before that.
 * Files are renamed or removed, never emptied: an open one can be read to its end.
 */
import { type FileHandle, open, stat } from "node:fs/promises";
import type { Changes } from "./log-changes.ts";

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 10;

/** One file of the log, read up to `offset`; `rest` is the start of a line that is not whole yet. */
export class LogFile implements AsyncDisposable {
  readonly inode: bigint;
  readonly #file: FileHandle;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(file: FileHandle, inode: bigint) {
    this.#file = file;
    this.inode = inode;
  }

  /** What is there now and was not read before, in bounded pieces. */
  async *lines(): AsyncGenerator<readonly string[]> {
    for (;;) {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const { bytesRead } = await this.#file.read(chunk, 0, CHUNK_BYTES, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      const bytes = Buffer.concat([this.#rest, chunk.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf(NEWLINE);
      this.#rest = Buffer.from(bytes.subarray(end + 1));
      if (end >= 0) yield bytes.subarray(0, end).toString().split("\n");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/**
 * Opened from the newest to the oldest, because a rotation under way moves them in that direction: one that comes twice is taken once,
 * and none is missed. Returned oldest first; with `after` only those that are newer than that one.
 */
export async function openLogFiles(path: string, after?: LogFile): Promise<readonly LogFile[]> {
  const found: LogFile[] = [];
  for (let [index, missing] = [0, 0]; missing < 2; index++) {
    const file = await openOne(index === 0 ? path : `${path}.${index}`);
    if (file === undefined) {
      missing++; /* one may be on its way to its next name */
      continue;
    }
    missing = 0;
    const known = found.some(({ inode }) => inode === file.inode);
    if (known || file.inode === after?.inode) await file[Symbol.asyncDispose]();
    if (file.inode === after?.inode) break;
    if (!known) found.unshift(file);
  }
  return found;
}

async function openOne(path: string): Promise<LogFile | undefined> {
  try {
    const file = await open(path, "r");
    return new LogFile(file, (await file.stat({ bigint: true })).ino);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The last `count` lines of the log, all of them without; the newest file is read to its end. */
export async function* tailLines(files: readonly LogFile[], count: number | undefined): AsyncGenerator<readonly string[]> {
  if (count === undefined) {
    for (const file of files) yield* file.lines();
    return;
  }
  const parts: string[][] = [];
  let left = count;
  for (const file of files.toReversed()) {
    const own: string[] = [];
    for await (const more of file.lines()) {
      own.push(...more);
      own.splice(0, own.length - left);
    }
    parts.unshift(own);
    left -= own.length;
    if (left <= 0) break;
  }
  yield* parts;
}

/** Goes on after what `file` has given, over rotations; ends when nobody writes any more and all was read, or on `signal`. */
export async function* followLines(
  path: string,
  file: LogFile | undefined,
  { changes, stillRuns, signal }: { readonly changes: Changes; readonly stillRuns: () => Promise<boolean>; readonly signal: AbortSignal | undefined },
): AsyncGenerator<readonly string[]> {
  let current = file;
  try {
    for (;;) {
      const over = !(await stillRuns()); /* asked before reading: what was written before the end is read after it */
      if (current !== undefined) yield* current.lines();
      const rotated = await isRotated(path, current);
      if (rotated && current !== undefined) yield* current.lines(); /* nothing is added after it was renamed */
      for (const next of rotated ? await openLogFiles(path, current) : []) {
        yield* next.lines();
        await current?.[Symbol.asyncDispose]();
        current = next;
      }
      if (over || signal?.aborted === true) return;
      if (!rotated) await changes.next();
    }
  } finally {
    if (current !== file) await current?.[Symbol.asyncDispose]();
  }
}

/** A name that is missing for a moment comes back; until then there is nothing to read. */
async function isRotated(path: string, current: LogFile | undefined): Promise<boolean> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found !== undefined && found.ino !== current?.inode;
}
