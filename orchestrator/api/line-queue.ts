interface Limit {
  readonly lines: number;
  readonly characters: number;
}

/** Lines waiting for one reader. Pushing never waits: a reader that falls too far behind is cut off and must begin again. */
export class LineQueue implements AsyncIterable<string> {
  readonly #limit: Limit;
  #lines: string[] = [];
  #behind = { lines: 0, characters: 0 };
  #ended = false;
  #wake: (() => void) | undefined;
  #onEnd: (() => void)[] = [];

  constructor(limit: Limit) {
    this.#limit = limit;
  }

  /** What a reader begins with is not held against it, however much it is. */
  begin(line: string): void {
    if (!this.#ended) this.#lines.push(line);
  }

  push(...lines: readonly string[]): void {
    if (this.#ended || lines.length === 0) return;
    for (const line of lines) {
      this.#lines.push(line);
      this.#behind.characters += line.length;
    }
    this.#behind.lines += lines.length;
    if (this.#behind.lines > this.#limit.lines || this.#behind.characters > this.#limit.characters) this.end();
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
        if (this.#lines.length > 0) yield this.#take();
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.end();
    }
  }

  #take(): string {
    this.#behind = { lines: 0, characters: 0 };
    return this.#lines.splice(0).join("");
  }
}
