/** A file that one thread writes while another reads it: the reader waits at the end until there is more, or it is said to be whole. */
import { closeSync, openSync, readSync } from "node:fs";

const GROWING = 0;
const WHOLE = 1;
const BROKEN = 2;
/** Two 32-bit numbers: how often it grew, and its state. */
const SHARED_BYTES = 8;

export interface Growth {
  /** For the reading thread. */
  readonly shared: SharedArrayBuffer;
  grew(): void;
  /** Nothing more comes: it is whole, or its writer failed. */
  end(isWhole: boolean): void;
}

export function openGrowth(): Growth {
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  const numbers = new Int32Array(shared);
  const grew = (): void => {
    Atomics.add(numbers, 0, 1);
    Atomics.notify(numbers, 0);
  };
  return {
    shared,
    grew,
    end(isWhole) {
      Atomics.store(numbers, 1, isWhole ? WHOLE : BROKEN);
      grew();
    },
  };
}

/** Yields one buffer again and again. Without `shared` the file is whole. For worker threads: it blocks. */
export function* readGrowing(path: string, chunkBytes: number, shared?: SharedArrayBuffer): Generator<Buffer> {
  const numbers = shared === undefined ? undefined : new Int32Array(shared);
  const fd = openSync(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const [times, state] = numbers === undefined ? [0, WHOLE] : [Atomics.load(numbers, 0), Atomics.load(numbers, 1)];
      const read = readSync(fd, buffer);
      if (read > 0) yield buffer.subarray(0, read);
      else if (state === WHOLE) return;
      else if (state === BROKEN) throw new Error("The writer of the file failed");
      else if (state === GROWING) Atomics.wait(numbers!, 0, times);
    }
  } finally {
    closeSync(fd);
  }
}
