/** What lmdb's two meta pages say of a database, read from its file. Source: lmdb 3.5, mdb.c, `MDB_meta`. */
import { readSync } from "node:fs";

const PAGE_BYTES = 4096;
const MAGIC = { at: 0x18, value: 0xbeefc0de } as const;
const VERSION = { at: 0x1c, value: 2 } as const;
const PAGE_SIZE_AT = 0x30;
/** Of the free pages and of the records: their roots and sizes. */
const TREES_AT = 0x30;
const LAST_PAGE_AT = 0x90;
const TRANSACTION_AT = 0x98;
const META_BYTES = 0xa0;

/** Tells the states of a database apart, also of a copy of its file: the last transaction's number and the trees that it left. Undefined for a file that another lmdb made. */
export function lastState(fd: number): string | undefined {
  const [one, other] = [metaAt(fd, 0), metaAt(fd, PAGE_BYTES)];
  if (one === undefined || other === undefined) return undefined;
  const [numberOfOne, numberOfOther] = [one, other].map((meta) => meta.readBigUInt64LE(TRANSACTION_AT));
  const last = numberOfOne! > numberOfOther! ? one : other;
  return `${last.readBigUInt64LE(TRANSACTION_AT)}-${last.toString("base64url", TREES_AT, TRANSACTION_AT)}`;
}

/** Of the pages that are in use, or were; 0 for a file that another lmdb made. */
export function usedBytes(fd: number): number {
  const last = newest(fd, LAST_PAGE_AT);
  return last === undefined ? 0 : (last + 1) * PAGE_BYTES;
}

function newest(fd: number, at: number): number | undefined {
  const metas = [metaAt(fd, 0), metaAt(fd, PAGE_BYTES)];
  return metas.includes(undefined) ? undefined : Math.max(...metas.map((meta) => Number(meta!.readBigUInt64LE(at))));
}

function metaAt(fd: number, offset: number): Buffer | undefined {
  const meta = Buffer.alloc(META_BYTES);
  const isOurs =
    readSync(fd, meta, 0, META_BYTES, offset) === META_BYTES &&
    meta.readUInt32LE(MAGIC.at) === MAGIC.value &&
    meta.readUInt32LE(VERSION.at) === VERSION.value &&
    meta.readUInt32LE(PAGE_SIZE_AT) === PAGE_BYTES;
  return isOurs ? meta : undefined;
}
