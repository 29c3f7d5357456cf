/**
 * Deterministic gzip on all cores: fixed header, blocks of fixed size, each compressed with the 32 KiB before it as dictionary, as pigz does.
 * Spec: RFC 1952.
 */
import { availableParallelism } from "node:os";
import { lent, type Lending } from "../lent.ts";
import { zlib } from "../native/zlib.ts";

const HEADER = Buffer.from("1f8b08000000000000ff", "hex");
/** The end of a raw deflate stream: an empty final block. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);
const BLOCK_BYTES = 512 << 10;
/** No block becomes larger. */
const OUTPUT_BYTES = BLOCK_BYTES + (BLOCK_BYTES >> 3) + (4 << 10);
const DICTIONARY_BYTES = 32 << 10;
/** 3 % more bytes than level 6 in half the time: docs/decisions/gzip.md. */
export const GZIP_LEVEL = 4;

/** `level` 0 to 9. */
export function gzip(content: AsyncIterable<Uint8Array>, level = GZIP_LEVEL): Lending {
  return {
    lend: () => packed(content, level),
    async *[Symbol.asyncIterator]() {
      for await (const chunk of packed(content, level)) yield Buffer.from(chunk);
    },
  };
}

/** A block on its way, and the room that it takes: both are used again. */
interface Slot {
  readonly block: Buffer;
  readonly output: Buffer;
  readonly result: Uint32Array;
  length: number;
  done: Promise<void>;
}

async function* packed(content: AsyncIterable<Uint8Array>, level: number): AsyncGenerator<Uint8Array> {
  const { deflate, joinCrc } = zlib();
  const width = availableParallelism() + 1;
  const slots = Array.from({ length: width + 2 }, newSlot); // the one before those under way is a dictionary, and one is being filled
  const pending: Slot[] = [];
  let dictionary: Uint8Array = Buffer.alloc(0);
  let [sum, size, index] = [0, 0, 0];
  const finish = async (): Promise<Uint8Array> => {
    const { output, result, length, done } = pending.shift()!;
    await done;
    sum = joinCrc(sum, result[1]!, length);
    return output.subarray(0, result[0]);
  };
  yield HEADER;
  try {
    for await (const slot of filled(content, () => slots[index++ % slots.length]!)) {
      const block = slot.block.subarray(0, slot.length);
      size += slot.length;
      slot.done = deflate(block, dictionary, slot.output, slot.result, level);
      pending.push(slot);
      dictionary = block.subarray(-DICTIONARY_BYTES);
      if (pending.length >= width) yield await finish();
    }
    while (pending.length > 0) yield await finish();
  } finally {
    await Promise.allSettled(pending.map(async ({ done }) => await done)); // nothing is left behind that still writes
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(sum, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  yield Buffer.concat([LAST_BLOCK, trailer]);
}

function newSlot(): Slot {
  const [block, output] = [BLOCK_BYTES, OUTPUT_BYTES].map((bytes) => Buffer.allocUnsafeSlow(bytes)) as [Buffer, Buffer];
  return { block, output, result: new Uint32Array(2), length: 0, done: Promise.resolve() };
}

/** Slots one after the other, each filled. */
async function* filled(content: AsyncIterable<Uint8Array>, next: () => Slot): AsyncGenerator<Slot> {
  let slot = next();
  slot.length = 0;
  for await (const chunk of lent(content)) {
    for (let at = 0; at < chunk.length;) {
      const step = Math.min(chunk.length - at, BLOCK_BYTES - slot.length);
      slot.block.set(chunk.subarray(at, at + step), slot.length);
      slot.length += step;
      at += step;
      if (slot.length < BLOCK_BYTES) continue;
      yield slot;
      slot = next();
      slot.length = 0;
    }
  }
  if (slot.length > 0) yield slot;
}
