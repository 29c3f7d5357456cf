/** What lmdb's two meta pages say of a database, read from its file. Source: lmdb 3.5, mdb.c, `MDB_meta`. */
import { fstatSync, readSync } from "node:fs";

const PAGE_BYTES = 4096;
/** Of a page; the bit of meta pages. */
const KIND = { at: 0x12, value: 0x08 } as const;
const MAGIC = { at: 0x18, value: 0xbeefc0de } as const;
const VERSION = { at: 0x1c, value: 2 } as const;
const PAGE_SIZE_AT = 0x30;
/** Of the free pages and of the records: their roots and sizes. */
const TREES_AT = 0x30;
const ROOTS_AT = [0x58, 0x88] as const;
/** The root of an empty tree. */
const NO_PAGE = 2n ** 64n - 1n;
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

/** In words, of what no lmdb could have written; undefined where the pages, of whatever size, may be whole. */
export function damageOfMeta(fd: number): string | undefined {
  const first = wholeMeta(fd, 0);
  const bytes = first?.readUInt32LE(PAGE_SIZE_AT) ?? 0;
  const other = isPageSize(bytes) ? wholeMeta(fd, bytes) : undefined;
  if (first === undefined || other === undefined) return "its first pages are not those of a database of this version: it is damaged";
  const last = first.readBigUInt64LE(TRANSACTION_AT) > other.readBigUInt64LE(TRANSACTION_AT) ? first : other;
  const roots = ROOTS_AT.map((at) => last.readBigUInt64LE(at)).filter((page) => page !== NO_PAGE);
  const { size } = fstatSync(fd);
  return roots.every((page) => (page + 1n) * BigInt(bytes) <= size) ? undefined : `it ends after ${size} bytes, before its records: it was cut off`;
}

function isPageSize(bytes: number): boolean {
  return bytes >= 512 && bytes <= 65_536 && (bytes & (bytes - 1)) === 0;
}

function newest(fd: number, at: number): number | undefined {
  const metas = [metaAt(fd, 0), metaAt(fd, PAGE_BYTES)];
  return metas.includes(undefined) ? undefined : Math.max(...metas.map((meta) => Number(meta!.readBigUInt64LE(at))));
}

/** Undefined also where pages have another size than with us. */
function metaAt(fd: number, offset: number): Buffer | undefined {
  const meta = wholeMeta(fd, offset);
  return meta?.readUInt32LE(PAGE_SIZE_AT) === PAGE_BYTES ? meta : undefined;
}

function wholeMeta(fd: number, offset: number): Buffer | undefined {
  const meta = Buffer.alloc(META_BYTES);
  const isWhole =
    readSync(fd, meta, 0, META_BYTES, offset) === META_BYTES &&
    (meta.readUInt16LE(KIND.at) & KIND.value) !== 0 &&
    meta.readUInt32LE(MAGIC.at) === MAGIC.value &&
    (meta.readUInt32LE(VERSION.at) & 0xff_ff) === VERSION.value;
  return isWhole ? meta : undefined;
}
