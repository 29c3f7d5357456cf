/**
 * The packed forms of layers against the tars that they stand for. Read by zlib-sync, which brings a zlib of its own: what packs
 * layers here (store/native/zlib.ts) is not asked whether it did well.
 */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { algorithmOf, finish, type Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import type { Damage } from "../store.ts";
import type { MarkHost } from "./marks.ts";

const INFLATE_BYTES = 256 << 10;
/** zlib: gzip wrapping, 32 KiB window. */
const GZIP_WINDOW_BITS = 31;

/** @param damaged blobs of which more is known already */
export async function* checkPacked({ tables, blobs }: Pick<MarkHost, "tables" | "blobs">, damaged: ReadonlySet<Digest>): AsyncIterable<Damage> {
  for (const [key, { blobs: forms }] of tables.diffs.list()) {
    const diffID = key as Digest;
    for (const [form, blob] of Object.entries(forms)) {
      if (blob === undefined || !form.startsWith("gzip") || damaged.has(blob.digest) || !(await blobs.has(blob))) continue;
      const found = await digestOfPacked(() => blobs.open(blob.digest), diffID);
      if (found !== diffID) yield { what: blob.digest, problem: `it unpacks to ${found}, and is kept as a packed form of ${diffID}` };
    }
  }
}

/** The digest, or in words why there is none. */
async function digestOfPacked(open: () => AsyncIterable<Buffer | Uint8Array>, expected: Digest): Promise<string> {
  const algorithm = algorithmOf(expected);
  try {
    for (const read of [inflateOne, inflateAll]) {
      const hash = createHash(algorithm);
      if (await read(open(), (piece) => hash.update(piece))) return finish(hash, algorithm);
    }
    return "nothing";
  } catch (error) {
    return `nothing readable (${(error as Error).message})`;
  }
}

/** False when there is more than one gzip member: zlib-sync does not say where the next begins. @throws {StoreError} `LAYER_INVALID` */
async function inflateOne(packed: AsyncIterable<Uint8Array>, onPiece: (piece: Buffer) => void): Promise<boolean> {
  const { Inflate, Z_SYNC_FLUSH, Z_STREAM_END, Z_OK, Z_BUF_ERROR } = createRequire(import.meta.url)("zlib-sync") as typeof import("zlib-sync");
  const stream = new Inflate({ windowBits: GZIP_WINDOW_BITS, chunkSize: INFLATE_BYTES });
  let total = 0;
  let tail = Buffer.alloc(0);
  for await (const chunk of packed) {
    if (stream.err === Z_STREAM_END) return false;
    tail = Buffer.concat([tail, chunk.subarray(-4)]).subarray(-4);
    for (let input = Buffer.from(chunk); ; input = Buffer.alloc(0)) {
      stream.push(input, Z_SYNC_FLUSH);
      if (stream.err === Z_BUF_ERROR) break; // nothing more to be had from what it was given
      if (stream.err !== Z_OK && stream.err !== Z_STREAM_END) throw new StoreError("LAYER_INVALID", stream.msg ?? "its gzip data is damaged");
      const piece = stream.result as Buffer;
      total += piece.length;
      onPiece(piece);
      if (stream.err === Z_STREAM_END || piece.length === 0) break;
    }
  }
  if (stream.err !== Z_STREAM_END) throw new StoreError("LAYER_INVALID", "its gzip data is cut short");
  return tail.readUInt32LE(0) === total % 2 ** 32;
}

async function inflateAll(packed: AsyncIterable<Uint8Array>, onPiece: (piece: Buffer) => void): Promise<boolean> {
  for await (const piece of pipeline(packed, createGunzip(), () => undefined)) onPiece(piece as Buffer);
  return true;
}
