/** An archive that may be packed as a whole: gzip is told by its first bytes. */
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";

export async function* unpackStream(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const iterator = content[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return;
  const whole = (async function* () {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => iterator };
  })();
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) return yield* whole;
  yield* pipeline(whole, createGunzip({ chunkSize: 1 << 20 }), () => undefined) as AsyncIterable<Uint8Array>;
}
