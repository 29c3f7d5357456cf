/** Bytes between a socket that writes into them and a reader that borrows them: a few blocks, used again and again. */

const BLOCK_BYTES = 512 << 10;
/** A socket gets at least this much room: each read costs a turn of the event loop. */
const ROOM_BYTES = 128 << 10;
/** What may wait for the reader. */
const WAITING_BYTES = 512 << 10;

interface Block {
  readonly bytes: Buffer;
  /** What is in it and was not given yet. */
  start: number;
  end: number;
}

export class BulkBlocks {
  readonly #spare: Buffer[] = [];
  /** In the order in which they were filled; the last one is being filled. */
  readonly #blocks: Block[] = [fresh(undefined)];
  #waiting = 0;

  get isFull(): boolean {
    return this.#waiting >= WAITING_BYTES;
  }

  /** Where the socket writes next. */
  room(): Buffer {
    const { bytes, end } = this.#blocks.at(-1)!;
    if (bytes.length - end >= ROOM_BYTES) return bytes.subarray(end);
    const next = fresh(this.#spare.pop());
    this.#blocks.push(next);
    return next.bytes;
  }

  /** So many bytes were written into the room. */
  filled(count: number): void {
    this.#blocks.at(-1)!.end += count;
    this.#waiting += count;
  }

  /** The first bytes, as long as none were taken. */
  peek(): Buffer {
    const [{ bytes, start, end }] = this.#blocks as [Block];
    return bytes.subarray(start, end);
  }

  /** A copy of all that waits, at most so much. */
  takeAll(most: number): Buffer {
    const parts: Buffer[] = [];
    for (let left = most; ;) {
      const part = this.take(left);
      if (part.length === 0) return Buffer.concat(parts);
      parts.push(Buffer.from(part));
      left -= part.length;
    }
  }

  /** Empty when nothing is there. What was taken before is given back by this. */
  take(most: number): Buffer {
    while (this.#blocks.length > 1 && this.#blocks[0]!.start === this.#blocks[0]!.end) this.#spare.push(this.#blocks.shift()!.bytes);
    const block = this.#blocks[0]!;
    const taken = block.bytes.subarray(block.start, Math.min(block.end, block.start + most));
    block.start += taken.length;
    this.#waiting -= taken.length;
    return taken;
  }
}

function fresh(spare: Buffer | undefined): Block {
  return { bytes: spare ?? Buffer.allocUnsafeSlow(BLOCK_BYTES), start: 0, end: 0 };
}
