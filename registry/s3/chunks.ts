/**
 * What has come of an upload: objects named by where they begin and by a nonce, so that no server writes over another's. All are of
 * CHUNK_BYTES but for the tail: a few short ones at the end, which become one of that size when enough has come.
 * A server that was given up may still write a shorter one late: of those that begin at one place the longest counts.
 */
import { randomBytes } from "node:crypto";
import { uploadPrefix } from "./keys.ts";

/** S3 joins 10,000 of at least 5 MiB, and some services only those of one size; all but the last. */
export const CHUNK_BYTES = 8 << 20;
export const MAX_CHUNKS = 10_000;
/** Short ones that are not read again to be made one. */
export const MAX_TAIL = 16;

export interface Chunk {
  readonly key: string;
  readonly start: number;
  readonly size: number;
}

const DIGITS = 15;

export function chunkKey(id: string, start: number): string {
  return `${uploadPrefix(id)}${String(start).padStart(DIGITS, "0")}-${randomBytes(8).toString("hex")}`;
}

/** Those that follow one another without a gap from the beginning. */
export function chain(id: string, listed: readonly { readonly key: string; readonly size: number }[]): readonly Chunk[] {
  const longest = new Map<number, Chunk>();
  for (const { key, size } of listed) {
    const start = startOf(id, key);
    if (start !== undefined && size > (longest.get(start)?.size ?? 0)) longest.set(start, { key, start, size });
  }
  const chunks: Chunk[] = [];
  for (let next = longest.get(0); next !== undefined; next = longest.get(next.start + next.size)) chunks.push(next);
  return chunks;
}

/** What is short, at the end. */
export function tailOf(chunks: readonly Chunk[]): readonly Chunk[] {
  return chunks.slice(chunks.findLastIndex(({ size }) => size >= CHUNK_BYTES) + 1);
}

export function sizeOf(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { size }) => sum + size, 0);
}

export function endOf(chunks: readonly Chunk[]): number {
  const last = chunks.at(-1);
  return last === undefined ? 0 : last.start + last.size;
}

function startOf(id: string, key: string): number | undefined {
  const digits = /^(\d{15})-[0-9a-f]{16}$/.exec(key.slice(uploadPrefix(id).length))?.[1];
  return digits === undefined ? undefined : Number(digits);
}
