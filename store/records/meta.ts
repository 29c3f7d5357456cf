/** What lmdb's two meta pages say of a database, read from its file. Source: lmdb 3.5, mdb.c, `MDB_meta`. */
import { readSync } from "node:fs";

const PAGE_BYTES = 4096;
const MAGIC = { at: 0x18, value: 0xbeefc0de } as const;
const VERSION = { at: 0x1c, value: 2 } as const;
const PAGE_SIZE_AT = 0x30;
const LAST_PAGE_AT = 0x90;
const TRANSACTION_AT = 0x98;
const META_BYTES = 0xa0;

/** Number of the last transaction; undefined for a file that another lmdb made. */
export function lastTransaction(fd: number): number | undefined {
  return newest(fd, TRANSACTION_AT);
}

/** Of the pages that are in use, or were; 0 for a file that another lmdb made. */
export function usedBytes(fd: number): number {
  const last = newest(fd, LAST_PAGE_AT);
  return last === undefined ? 0 : (last + 1) * PAGE_BYTES;
}

function newest(fd: number, at: number): number | undefined {
  const numbers = [0, PAGE_BYTES].map((offset) => numberAt(fd, offset, at));
  return numbers.includes(undefined) ? undefined : Math.max(...numbers.map(Number));
}

function numberAt(fd: number, offset: number, at: number): bigint | undefined {
  const meta = Buffer.alloc(META_BYTES);
  const isOurs =
    readSync(fd, meta, 0, META_BYTES, offset) === META_BYTES &&
    meta.readUInt32LE(MAGIC.at) === MAGIC.value &&
    meta.readUInt32LE(VERSION.at) === VERSION.value &&
    meta.readUInt32LE(PAGE_SIZE_AT) === PAGE_BYTES;
  return isOurs ? meta.readBigUInt64LE(at) : undefined;
}
