/**
 * Deterministic gzip on all cores: fixed header, blocks of fixed size, each compressed with the 32 KiB before it as dictionary, as pigz does.
 * Spec: RFC 1952.
 */
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { constants, crc32, deflateRaw } from "node:zlib";

const HEADER = Buffer.from("1f8b08000000000000ff", "hex");
/** The end of a raw deflate stream: an empty final block. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);
const BLOCK_BYTES = 512 << 10;
const DICTIONARY_BYTES = 32 << 10;
/** 3 % more bytes than level 6 in half the time: docs/decisions/gzip.md. */
export const GZIP_LEVEL = 4;
const MEM_LEVEL = 9;
/** What does not shrink is only wrapped. Parts of a block are tried, so that half a block of text is not missed. */
const SAMPLES = 4;
const SAMPLE_BYTES = 4 << 10;
const WORTH_IT = 0.99;
const deflate = promisify(deflateRaw) as (block: Buffer, options: object) => Promise<Buffer>;

/** `level` 0 to 9. */
export async function* gzip(content: AsyncIterable<Uint8Array>, level = GZIP_LEVEL): AsyncIterable<Uint8Array> {
  const pending: Promise<Buffer>[] = [];
  const width = availableParallelism() + 1;
  let dictionary: Buffer = Buffer.alloc(0);
  let [sum, size] = [0, 0];
  yield HEADER;
  for await (const block of blocksOf(content)) {
    sum = crc32(block, sum);
    size += block.length;
    pending.push(compress(block, dictionary, level));
    dictionary = block.subarray(-DICTIONARY_BYTES);
    if (pending.length >= width) yield await pending.shift()!;
  }
  for (const block of pending) yield await block;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(sum, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  yield Buffer.concat([LAST_BLOCK, trailer]);
}

/** A sync flush ends each block on a byte, so that the blocks can simply stand behind one another. */
async function compress(block: Buffer, dictionary: Buffer, wanted: number): Promise<Buffer> {
  const level = wanted > 0 && (await shrinks(block)) ? wanted : 0;
  const common = { level, memLevel: MEM_LEVEL, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: BLOCK_BYTES };
  return await deflate(block, level === 0 || dictionary.length === 0 ? common : { ...common, dictionary });
}

async function shrinks(block: Buffer): Promise<boolean> {
  if (block.length < BLOCK_BYTES) return true;
  const stride = block.length / SAMPLES;
  const parts = Array.from({ length: SAMPLES }, (_, index) => block.subarray(index * stride, index * stride + SAMPLE_BYTES));
  const packed = await deflate(Buffer.concat(parts), { level: 1 });
  return packed.length < SAMPLES * SAMPLE_BYTES * WORTH_IT;
}

async function* blocksOf(content: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  let block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let used = 0;
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length;) {
      const step = Math.min(chunk.length - at, BLOCK_BYTES - used);
      block.set(chunk.subarray(at, at + step), used);
      used += step;
      at += step;
      if (used < BLOCK_BYTES) continue;
      yield block;
      block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      used = 0;
    }
  }
  if (used > 0) yield block.subarray(0, used);
}
