import type { Line } from "./watch-lines.ts";

interface Limit {
  readonly lines: number;
  readonly characters: number;
}

/** Lines that are waiting go together, up to this many characters: a longer text would be a copy for each reader that takes nothing. */
const TOGETHER = 64 << 10;

/** Lines waiting for one reader. Pushing never waits: a reader that falls too far behind is cut off and must begin again. */
export class LineQueue implements AsyncIterable<string> {
  readonly #limit: Limit;
  #lines: Line[] = [];
  /** Lines at the front that are not counted. */
  #begun = 0;
  #characters = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  #onEnd: (() => void)[] = [];

  constructor(limit: Limit) {
    this.#limit = limit;
  }

  /** What a reader begins with, before anything is pushed, is not held against it, however much it is. */
  begin(line: Line): void {
    if (this.#ended) return;
    this.#lines.push(line);
    this.#begun++;
  }

  push(...lines: readonly Line[]): void {
    if (this.#ended || lines.length === 0) return;
    for (const line of lines) {
      this.#lines.push(line);
      this.#characters += line.text.length;
    }
    if (this.#lines.length - this.#begun > this.#limit.lines || this.#characters > this.#limit.characters) this.end();
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
    const texts: string[] = [];
    let [count, characters] = [0, 0];
    while (count < this.#lines.length && characters < TOGETHER) {
      const { text } = this.#lines[count]!;
      texts.push(text);
      characters += text.length;
      if (count++ >= this.#begun) this.#characters -= text.length;
    }
    this.#lines.splice(0, count);
    this.#begun = Math.max(0, this.#begun - count);
    return texts.join("");
  }
}
