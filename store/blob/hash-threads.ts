/**
 * Threads that hash files while they are written, so that the event loop has only the network to do. They read what was written rather than
 * being sent it: what is verified is what is in the file, and however far they are behind, no memory is held.
 * Kept for the life of the process; idle ones do not keep it alive.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Algorithm } from "../digest.ts";

export type Order =
  | { readonly kind: "grow" | "digest"; readonly id: number; readonly path: string; readonly algorithm: Algorithm; readonly size: number }
  | { readonly kind: "drop"; readonly id: number };

export type Answer = { readonly id: number; readonly digest: string } | { readonly id: number; readonly error: Error };

export interface FileHash {
  /** So many bytes are written. */
  grow(size: number): void;
  /** Hex, of the first `size` bytes. */
  digest(size: number): Promise<string>;
  /** Lets go of it. Idempotent. */
  drop(): void;
}

const MOST_THREADS = 4;
/** A thread holds nothing but its buffer. */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

interface Waiting {
  readonly resolve: (digest: string) => void;
  readonly reject: (error: Error) => void;
}

class Thread {
  readonly #worker = new Worker(new URL("./hash-thread.js", import.meta.url), { resourceLimits: LIMITS });
  readonly #waiting = new Map<number, Waiting>();
  files = 0;

  constructor() {
    this.#worker.on("message", (answer: Answer) => {
      const waiting = this.#settle(answer.id);
      if ("digest" in answer) waiting?.resolve(answer.digest);
      else waiting?.reject(answer.error);
    });
    this.#worker.on("error", (error) => {
      threads.splice(threads.indexOf(this), 1);
      for (const id of this.#waiting.keys()) this.#settle(id)?.reject(error);
    });
    this.#worker.unref(); // at last: a listener for messages refers to it again
  }

  post(order: Order): void {
    this.#worker.postMessage(order);
  }

  async digest(order: Order): Promise<string> {
    this.#worker.ref();
    return await new Promise((resolve, reject) => {
      this.#waiting.set(order.id, { resolve, reject });
      this.post(order);
    });
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    return waiting;
  }
}

const threads: Thread[] = [];
let lastId = 0;

/** The thread with the least to do takes it. */
export function hashFile(path: string, algorithm: Algorithm): FileHash {
  const thread = chooseThread();
  const id = (lastId += 1);
  let isOpen = true;
  thread.files += 1;
  return {
    grow: (size) => thread.post({ kind: "grow", id, path, algorithm, size }),
    digest: async (size) => await thread.digest({ kind: "digest", id, path, algorithm, size }),
    drop: () => {
      if (!isOpen) return;
      isOpen = false;
      thread.files -= 1;
      thread.post({ kind: "drop", id });
    },
  };
}

function chooseThread(): Thread {
  const [least] = threads.toSorted((a, b) => a.files - b.files);
  if (least !== undefined && (least.files === 0 || threads.length >= Math.min(MOST_THREADS, availableParallelism()))) return least;
  const started = new Thread();
  threads.push(started);
  return started;
}
