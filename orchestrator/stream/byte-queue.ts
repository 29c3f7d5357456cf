/** Bytes from one writer to one reader; the writer waits while too much lies between. */
const HIGH_WATER_BYTES = 1024 * 1024;

export class ByteQueue implements AsyncIterable<Uint8Array> {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #readable: (() => void) | undefined;
  #writable: (() => void) | undefined;

  /** Resolves when there is room for more. What comes after the end is dropped. */
  async push(chunk: Uint8Array): Promise<void> {
    if (this.#ended || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#readable?.();
    while (this.#bytes > HIGH_WATER_BYTES && !this.#ended) await new Promise<void>((resolve) => (this.#writable = resolve));
  }

  /** What was pushed before is still read. Idempotent. */
  end(): void {
    this.#ended = true;
    this.#readable?.();
    this.#writable?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk !== undefined) {
          this.#bytes -= chunk.length;
          this.#writable?.();
          yield chunk;
        } else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#readable = resolve));
      }
    } finally {
      this.#chunks = [];
      this.#bytes = 0;
      this.end();
    }
  }
}
