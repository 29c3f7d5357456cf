/** Bytes that are collected up to a limit; memory grows with them. */
const FIRST_BYTES = 64 << 10;

export class GrowingBuffer {
  readonly #limit: number;
  #bytes: Buffer = Buffer.alloc(0);
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#used;
  }

  /** Copies as much as there is room for; tells how much that was. */
  append(chunk: Uint8Array): number {
    const count = Math.min(chunk.length, this.#limit - this.#used);
    if (this.#used + count > this.#bytes.length) this.#grow(this.#used + count);
    this.#bytes.set(chunk.subarray(0, count), this.#used);
    this.#used += count;
    return count;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#used);
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#limit, Math.max(needed, FIRST_BYTES, this.#bytes.length * 2)));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }
}
