/**
 * The lines of a log that the monitor rotates: PATH is written to, PATH.1 was full before it, PATH.2 before that.
 * Files are renamed or removed, never emptied: an open one can be read to its end.
 */
import { type FileHandle, open, stat } from "node:fs/promises";
import type { Changes } from "./log-changes.ts";

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 10;
/** A log that is rotated faster than its names can be read is taken as it was found at last. */
const MAX_LOOKS = 20;

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

/** Oldest first; with `after` only those that are newer than that one. Looks again when a rotation was completed meanwhile. */
export async function openLogFiles(path: string, after?: LogFile): Promise<readonly LogFile[]> {
  for (let looks = 1; ; looks++) {
    const newest = await inodeOf(path);
    const files = await openNames(path, after);
    if (looks === MAX_LOOKS || ((await inodeOf(path)) === newest && (files.at(-1) ?? after)?.inode === newest)) return files;
    await closeAll(files);
  }
}

async function closeAll(files: readonly LogFile[]): Promise<void> {
  await Promise.all(files.map(async (file) => await file[Symbol.asyncDispose]()));
}

/**
 * From the newest to the oldest, because a rotation under way moves them in that direction: one that comes twice is taken once,
 * and none is missed.
 */
async function openNames(path: string, after: LogFile | undefined): Promise<readonly LogFile[]> {
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

/** Goes on after what `file` (taken over) has given, over rotations; ends when nobody writes any more and all was read, or on `signal`. */
export async function* followLines(
  path: string,
  file: LogFile | undefined,
  { changes, stillRuns, signal }: { readonly changes: Changes; readonly stillRuns: () => Promise<boolean>; readonly signal: AbortSignal | undefined },
): AsyncGenerator<readonly string[]> {
  const opened: LogFile[] = file === undefined ? [] : [file]; /* the last is the one that is written to */
  try {
    for (;;) {
      const over = !(await stillRuns()); /* asked before reading: what was written before the end is read after it */
      const current = opened.at(-1);
      if (current !== undefined) yield* current.lines();
      const rotated = await isRotated(path, current);
      if (rotated && current !== undefined) yield* current.lines(); /* nothing is added after it was renamed */
      const newer = rotated ? await openLogFiles(path, current) : [];
      opened.push(...newer);
      for (const next of newer) yield* next.lines();
      await closeAll(opened.splice(0, opened.length - 1));
      if (over || signal?.aborted === true) return;
      if (!rotated) await changes.next();
    }
  } finally {
    await closeAll(opened);
  }
}

/** A name that is missing for a moment comes back; until then there is nothing to read. */
async function isRotated(path: string, current: LogFile | undefined): Promise<boolean> {
  const inode = await inodeOf(path);
  return inode !== undefined && inode !== current?.inode;
}

async function inodeOf(path: string): Promise<bigint | undefined> {
  return (await stat(path, { bigint: true }).catch(() => undefined))?.ino;
}
