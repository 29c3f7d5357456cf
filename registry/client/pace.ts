/** A body that trickles is as good as none: a server that sends a byte now and then would keep us for ever. */

export class Stalled extends Error {}

/** Fewer bytes than this within the idle time: nobody's line is that slow. */
const SLOWEST_BYTES = 16 << 10;

/** Only time that is spent waiting counts. */
export class Pace {
  readonly #idleMs: number;
  #waited = 0;
  #came = 0;

  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  /** Undefined while it is fast enough. */
  came(bytes: number, waitedMs: number): Stalled | undefined {
    const [came, waited] = [this.#came + bytes, this.#waited + waitedMs];
    const isOver = waited >= this.#idleMs;
    [this.#came, this.#waited] = isOver ? [0, 0] : [came, waited];
    if (!isOver || came >= SLOWEST_BYTES) return undefined;
    return new Stalled(`only ${came} bytes came in ${Math.round(waited / 1000)} seconds`);
  }
}

/** The reader may take as long as it likes. @throws {Stalled} */
export async function* paced(content: AsyncIterable<Uint8Array>, idleMs: number): AsyncGenerator<Uint8Array> {
  const iterator = content[Symbol.asyncIterator]();
  const pace = new Pace(idleMs);
  try {
    for (;;) {
      const asked = performance.now();
      const { done, value } = await iterator.next();
      if (done === true) return;
      const stalled = pace.came(value.length, performance.now() - asked);
      if (stalled !== undefined) throw stalled;
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}
