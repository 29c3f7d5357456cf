/** A body that trickles is as good as none: a server that sends a byte now and then would keep us for ever. */

export class Stalled extends Error {}

/** Fewer bytes than this within the idle time: nobody's line is that slow. */
export const SLOWEST_BYTES = 16 << 10;

export function stalled(bytes: number, waitedMs: number): Stalled {
  return new Stalled(`only ${bytes} bytes came in ${Math.round(waitedMs / 1000)} seconds`);
}

/** Only the time that is spent waiting counts: the reader may take as long as it likes. @throws {Stalled} */
export async function* paced(content: AsyncIterable<Uint8Array>, idleMs: number): AsyncGenerator<Uint8Array> {
  const iterator = content[Symbol.asyncIterator]();
  let [waited, came] = [0, 0];
  try {
    for (;;) {
      const asked = performance.now();
      const { done, value } = await iterator.next();
      if (done === true) return;
      waited += performance.now() - asked;
      came += value.length;
      if (waited >= idleMs) {
        if (came < SLOWEST_BYTES) throw stalled(came, waited);
        [waited, came] = [0, 0];
      }
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}
