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
const LEVEL = 6;
const deflate = promisify(deflateRaw) as (block: Buffer, options: object) => Promise<Buffer>;

export async function* gzip(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const pending: Promise<Buffer>[] = [];
  const width = availableParallelism() + 1;
  let dictionary: Buffer = Buffer.alloc(0);
  let [sum, size] = [0, 0];
  yield HEADER;
  for await (const block of blocksOf(content)) {
    sum = crc32(block, sum);
    size += block.length;
    pending.push(compress(block, dictionary));
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
async function compress(block: Buffer, dictionary: Buffer): Promise<Buffer> {
  return await deflate(block, {
    level: LEVEL,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: BLOCK_BYTES,
    ...(dictionary.length === 0 ? {} : { dictionary }),
  });
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
