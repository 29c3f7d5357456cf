/** One buffer of the memory for uploads, while an upload has it: filled from the front on, or from behind a place that is kept free. */

/** Who lent it. */
export interface Lender {
  /** It was written to, at this moment. */
  wrote(room: Room): void;
  /** It is on its way back: nobody need ask for it any more. */
  kept(room: Room): void;
  freed(room: Room, buffer: Buffer): void;
}

export class Room {
  readonly #lender: Lender;
  readonly #buffer: Buffer;
  #limit: number;
  #from = 0;
  #end = 0;
  #isFreed = false;
  /** Has its upload send what is in it, and free it then. */
  readonly putDown: () => void;

  constructor(lender: Lender, buffer: Buffer, putDown: () => void) {
    this.#lender = lender;
    this.#buffer = buffer;
    this.#limit = buffer.length;
    this.putDown = putDown;
  }

  get capacity(): number {
    return this.#buffer.length;
  }

  /** Bytes that were appended. */
  get length(): number {
    return this.#end - this.#from;
  }

  get isFull(): boolean {
    return this.#end >= this.#limit;
  }

  /** Of an empty one: `before` bytes stay free in front, and it is full with `limit` in all. */
  reserve(before: number, limit: number): void {
    this.#from = before;
    this.#end = before;
    this.#limit = Math.min(limit, this.#buffer.length);
  }

  /** Copies as much as there is room for; tells how much that was. */
  append(chunk: Uint8Array): number {
    const count = Math.min(chunk.length, this.#limit - this.#end);
    this.#buffer.set(count === chunk.length ? chunk : chunk.subarray(0, count), this.#end);
    this.#end += count;
    this.#lender.wrote(this);
    return count;
  }

  /** What was appended. */
  bytes(): Buffer {
    return this.#buffer.subarray(this.#from, this.#end);
  }

  /** With the place in front of it. */
  whole(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }

  /** From now on its upload frees it by itself, soon. */
  keep(): void {
    this.#lender.kept(this);
  }

  /** Idempotent. Nothing that was in it may be looked at afterwards. */
  free(): void {
    if (this.#isFreed) return;
    this.#isFreed = true;
    this.#lender.freed(this, this.#buffer);
  }
}
