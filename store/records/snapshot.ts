/**
 * All records in one file beside the database, for commands that only read: loading lmdb takes longer than all else that they do.
 * It holds what one transaction left, and is good for as long as that is the database's last one.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Past this many bytes parsing it would take longer than loading lmdb. */
const MAX_BYTES = 1 << 19;
/** A database of more bytes is not read through to find that out: it keeps about three times what is in it. */
const MAX_DATABASE_BYTES = 4 * MAX_BYTES;
/** Where lmdb's two meta pages keep what. Source: lmdb 3.5, mdb.c, `MDB_meta`. */
const PAGE_BYTES = 4096;
const MAGIC = { at: 0x18, value: 0xbeefc0de } as const;
const VERSION = { at: 0x1c, value: 2 } as const;
const PAGE_SIZE_AT = 0x30;
const TRANSACTION_AT = 0x98;
const META_BYTES = 0xa0;

export type Entry = readonly [key: string, value: unknown];

/** One state of the database: `<inode>-<number of its last transaction>`. */
export type State = string;

/** In the database's order. */
export interface Snapshot {
  readonly state: State;
  readonly records: ReadonlyMap<string, unknown>;
}

/** Undefined for a database that is not there, or that another lmdb made: then nothing is known without opening it. */
export function stateOf(folder: string): State | undefined {
  try {
    const fd = openSync(join(folder, "data.mdb"), "r");
    try {
      const numbers = [0, PAGE_BYTES].map((offset) => transactionAt(fd, offset));
      return numbers.includes(undefined) ? undefined : `${fstatSync(fd).ino}-${Math.max(...numbers.map(Number))}`;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

function transactionAt(fd: number, offset: number): bigint | undefined {
  const meta = Buffer.alloc(META_BYTES);
  const isOurs =
    readSync(fd, meta, 0, META_BYTES, offset) === META_BYTES &&
    meta.readUInt32LE(MAGIC.at) === MAGIC.value &&
    meta.readUInt32LE(VERSION.at) === VERSION.value &&
    meta.readUInt32LE(PAGE_SIZE_AT) === PAGE_BYTES;
  return isOurs ? meta.readBigUInt64LE(TRANSACTION_AT) : undefined;
}

/** Undefined when there is none that can be read; whether it is still good is for the caller to ask, with `stateOf`. */
export function loadSnapshot(folder: string): Snapshot | undefined {
  try {
    const { state, records } = JSON.parse(readFileSync(fileIn(folder), "utf8")) as { state: State; records: readonly Entry[] };
    return { state, records: new Map(records) };
  } catch {
    return undefined; // absent, or torn by a loss of power
  }
}

/** `entries` are what the last transaction left; nobody may write or save meanwhile. Leaves none where it would be too large or cannot be written. */
export function saveSnapshot(folder: string, entries: () => Iterable<Entry>): void {
  const [file, fresh] = [fileIn(folder), join(folder, "snapshot.new")];
  try {
    const state = statSync(join(folder, "data.mdb")).size > MAX_DATABASE_BYTES ? undefined : stateOf(folder);
    const text = state === undefined ? undefined : JSON.stringify({ state, records: [...entries()] });
    if (text === undefined || text.length > MAX_BYTES) return rmSync(file, { force: true });
    writeFileSync(fresh, text, { mode: 0o600 });
    renameSync(fresh, file);
  } catch {
    rmSync(fresh, { force: true }); // a full disk: it only saves time
  }
}

function fileIn(folder: string): string {
  return join(folder, "snapshot.json");
}
