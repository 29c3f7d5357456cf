/** Lines waiting for one reader. Pushing never waits: a reader that falls too far behind is cut off and must begin again. */
export class LineQueue implements AsyncIterable<string> {
  readonly #limit: number;
  #lines: string[] = [];
  #ended = false;
  #wake: (() => void) | undefined;
  #onEnd: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(...lines: readonly string[]): void {
    if (this.#ended || lines.length === 0) return;
    this.#lines.push(...lines);
    if (this.#lines.length > this.#limit) this.end();
    this.#wake?.();
  }

  /** What was pushed before is still read. Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake?.();
    for (const call of this.#onEnd.splice(0)) call();
  }

  onEnd(call: () => void): void {
    this.#onEnd.push(call);
  }

  /** Lines that are waiting together come together. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    try {
      for (;;) {
        if (this.#lines.length > 0) yield this.#lines.splice(0).join("");
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.end();
    }
  }
}
