/**
 * Small transactions beside the database: one line each, appended. Loading lmdb takes longer than all that a short command has to write.
 * The lines go on from one state of the database, named in the first of them, and mean nothing beside another. Who appends has the gate
 * alone, and nobody has the database open: opening it takes over what stands here (docs/decisions/records.md).
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { openOwnFile, openOwnFileIfThere } from "../own-file.ts";
import { journalDamage } from "./journal-damage.ts";
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
  /** Undefined where the first line is damaged. */
  readonly base: State | undefined;
  /** Bytes of whole lines that were read. */
  end: number;
  /** Those lines, beside the first. */
  lines: number;
  /** What follows them is a whole line, but none of changes. */
  isBroken: boolean;
}

/** Beside it: the last one that was found damaged. */
export function damagedJournal(folder: string): string {
  return join(folder, "journal.damaged");
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

  get isThere(): boolean {
    return this.#file !== undefined;
  }

  /** In words, what is wrong with what was read; `state` is the database's, read after it. */
  damage(state: State | undefined): string | undefined {
    return this.#file === undefined ? undefined : journalDamage(this.#file, state);
  }

  /** What came since the last call, with `anew` all that there is, for it is another file than then. @throws {StoreError} `FILE_FOREIGN` */
  read(): { readonly anew: boolean; readonly changes: readonly Change[] } {
    const found = lstatSync(this.#path, { throwIfNoEntry: false });
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
    const fd = openOwnFile(this.#path, constants.O_RDWR);
    try {
      if (fstatSync(fd).size > file.end) ftruncateSync(fd, file.end); // what somebody who was killed had begun
      if (!writeWhole(fd, line, file.end)) return false; // a full disk: the database has room in reserve
      if (!isSynced(fd)) return this.#withdraw(fd, file.end);
    } finally {
      closeSync(fd);
    }
    file.end += line.length;
    file.lines++;
    return true;
  }

  /** True when it has become so long that it should be written anew. */
  get isLong(): boolean {
    return (this.#file?.end ?? 0) > LONG_BYTES;
  }

  /** Begins it anew: these are all that lead from `base` to what is now. False where the disk is full. The caller is alone. */
  begin(base: State, changes: readonly Change[]): boolean {
    const text = Buffer.from(`${JSON.stringify(base)}\n${changes.length === 0 ? "" : `${JSON.stringify(changes)}\n`}`);
    const fd = text.length > LONG_BYTES ? undefined : this.#replace(text);
    if (fd === undefined) return false;
    this.#file = { fd, inode: fstatSync(fd).ino, base, end: text.length, lines: Math.min(changes.length, 1), isBroken: false };
    return true;
  }

  /**
   * What others may have read already is taken back in a file of another number, which they read anew. Where the disk takes nothing at all
   * that is left to the database, which goes on from here.
   */
  #withdraw(fd: number, end: number): false {
    ftruncateSync(fd, end);
    const fresh = this.#replace(bytesFrom(fd, 0));
    if (fresh !== undefined) closeSync(fresh);
    return false;
  }

  /** Whole and under its name, or as it was: undefined then. */
  #replace(text: Buffer): number | undefined {
    const fresh = `${this.#path}.new`;
    let folder: number | undefined;
    let fd: number | undefined;
    try {
      rmSync(fresh, { force: true }); // of somebody who was killed
      folder = openSync(this.#folder, "r"); // now: once it has its name nothing may fail for want of a descriptor
      fd = openSync(fresh, "wx+", 0o600);
      if (!writeWhole(fd, text, 0)) throw new Error("no space left");
      fsyncSync(fd);
      renameSync(fresh, this.#path);
      fsyncSync(folder);
      this.#close();
      return fd;
    } catch {
      if (fd === undefined) return undefined;
      closeSync(fd);
      rmSync(fresh, { force: true });
      return undefined;
    } finally {
      if (folder !== undefined) closeSync(folder);
    }
  }

  /** Its lines are in the database, whose `state` it went on from. One that is damaged is put aside. The caller is alone. */
  remove(state: State | undefined): void {
    const isWhole = this.damage(state) === undefined;
    this.#close();
    if (isWhole) rmSync(this.#path, { force: true });
    else renameSync(this.#path, damagedJournal(this.#folder));
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #open(): readonly Change[] {
    const fd = openOwnFileIfThere(this.#path); // it may have been taken over this very moment
    if (fd === undefined) return [];
    const text = bytesFrom(fd, 0);
    const head = text.indexOf("\n") + 1;
    const base = parse(text.toString("utf8", 0, head));
    this.#file = { fd, inode: fstatSync(fd).ino, base: typeof base === "string" ? base : undefined, end: head, lines: 0, isBroken: false };
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
      file.isBroken = !isChanges(line);
      if (!isChanges(line)) break;
      changes.push(...line);
      file.end += next - at;
      file.lines++;
    }
    return changes;
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }
}

/** False where there is no room for it. */
function writeWhole(fd: number, bytes: Buffer, at: number): boolean {
  try {
    return writeSync(fd, bytes, 0, bytes.length, at) === bytes.length;
  } catch {
    return false;
  }
}

function isSynced(fd: number): boolean {
  try {
    fdatasyncSync(fd);
    return true;
  } catch {
    return false;
  }
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
