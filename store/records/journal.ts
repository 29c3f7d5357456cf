/**
 * Small transactions beside the database: one line each, appended. Loading lmdb takes longer than all that a short command has to write.
 * The lines go on from one state of the database, named in the first of them, and mean nothing beside another. Who appends has the gate
 * alone, and nobody has the database open: opening it takes over what stands here (docs/decisions/records.md).
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { State } from "./snapshot.ts";

/** Without a value: it was removed. */
export type Change = readonly [key: string, value?: unknown];

/** Past this many bytes it is written anew, with only the last change of each key. */
const LONG_BYTES = 32 << 10;
/** One that stays longer than this is the database's to take over. */
const MAX_BYTES = 64 << 10;

interface File {
  readonly fd: number;
  readonly inode: number;
  readonly base: State;
  /** Bytes of whole lines that were read. */
  end: number;
}

export class Journal implements Disposable {
  readonly #path: string;
  readonly #folder: string;
  #file: File | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, "journal");
  }

  /** The state that its lines go on from. */
  get base(): State | undefined {
    return this.#file?.base;
  }

  /** What came since the last call, with `anew` all that there is, for it is another file than then. */
  read(): { readonly anew: boolean; readonly changes: readonly Change[] } {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    if (found === undefined) {
      const anew = this.#file !== undefined;
      this.#close();
      return { anew, changes: [] };
    }
    if (found.ino === this.#file?.inode && found.size >= this.#file.end)
      return { anew: false, changes: found.size > this.#file.end ? this.#rest(this.#file) : [] };
    this.#close();
    return { anew: true, changes: this.#open() };
  }

  /** A list of changes, as JSON. True when it is on disk; false when there is no room for it. The caller is alone, and has just read. */
  append(changes: string): boolean {
    const file = this.#file;
    const line = Buffer.from(`${changes}\n`);
    if (file === undefined || file.end + line.length > MAX_BYTES) return false;
    const fd = openSync(this.#path, "r+");
    try {
      if (fstatSync(fd).size > file.end) ftruncateSync(fd, file.end); // what somebody who was killed had begun
      if (writeSync(fd, line, 0, line.length, file.end) !== line.length) throw new Error("no space left");
      fdatasyncSync(fd);
    } catch {
      this.#withdraw(fd, file.end); // a full disk: the database has room in reserve
      return false;
    } finally {
      closeSync(fd);
    }
    file.end += line.length;
    return true;
  }

  /** True when it has become so long that it should be written anew. */
  get isLong(): boolean {
    return (this.#file?.end ?? 0) > LONG_BYTES;
  }

  /** Begins it anew: these are all that lead from `base` to what is now. False where the disk is full. The caller is alone. */
  begin(base: State, changes: readonly Change[]): boolean {
    const fresh = `${this.#path}.new`;
    const text = Buffer.from(`${JSON.stringify(base)}\n${changes.length === 0 ? "" : `${JSON.stringify(changes)}\n`}`);
    try {
      const fd = openSync(fresh, "w+", 0o600);
      try {
        if (text.length > LONG_BYTES || writeSync(fd, text) !== text.length) throw new Error("no space left");
        fsyncSync(fd);
        renameSync(fresh, this.#path);
        syncFolder(this.#folder);
      } catch (error) {
        closeSync(fd);
        throw error;
      }
      this.#close();
      this.#file = { fd, inode: fstatSync(fd).ino, base, end: text.length };
      return true;
    } catch {
      rmSync(fresh, { force: true });
      return false;
    }
  }

  /** What others may have read already is taken back in a file of another number, which they read anew. @throws where the disk takes nothing at all */
  #withdraw(fd: number, end: number): void {
    ftruncateSync(fd, end);
    const fresh = `${this.#path}.new`;
    writeFileSync(fresh, bytesFrom(fd, 0), { mode: 0o600, flush: true });
    renameSync(fresh, this.#path);
    this.#close();
  }

  /** Its lines are in the database. The caller is alone. */
  remove(): void {
    this.#close();
    rmSync(this.#path, { force: true });
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #open(): readonly Change[] {
    const fd = openIfThere(this.#path);
    if (fd === undefined) return [];
    const text = bytesFrom(fd, 0);
    const head = text.indexOf("\n") + 1;
    this.#file = { fd, inode: fstatSync(fd).ino, base: baseOf(text.toString("utf8", 0, head)), end: head };
    return this.#take(this.#file, text.subarray(head));
  }

  #rest(file: File): readonly Change[] {
    return this.#take(file, bytesFrom(file.fd, file.end));
  }

  /** Up to a line that is being written, or that a loss of power has torn. */
  #take(file: File, bytes: Buffer): readonly Change[] {
    const changes: Change[] = [];
    for (let at = 0, next = 0; (next = bytes.indexOf("\n", at) + 1) > 0; at = next) {
      const line = parse(bytes.toString("utf8", at, next));
      if (!isChanges(line)) break;
      changes.push(...line);
      file.end += next - at;
    }
    return changes;
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }
}

/** It may have been taken over this very moment. */
function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Of a damaged line none that any database has. */
function baseOf(line: string): State {
  const base = parse(line);
  return typeof base === "string" ? base : "";
}

function isChanges(line: unknown): line is readonly Change[] {
  return Array.isArray(line) && line.every((change) => Array.isArray(change) && typeof change[0] === "string");
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function bytesFrom(fd: number, start: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.max(0, fstatSync(fd).size - start));
  return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, start));
}

function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
