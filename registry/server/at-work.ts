/**
 * Tells the storage when nobody is at work with it any more. A collection elsewhere spares what became young since a process began to
 * write, for it may not be linked yet; without this a server would keep everything from going that was pushed since its start.
 */
import type { Storage } from "../storage.ts";

/** Milliseconds without work: a push is many requests, one after the other. */
const REST_MS = 2_000;

export interface AtWork extends Disposable {
  /** Until it is disposed of, somebody writes content that is not linked yet. */
  begin(): Disposable;
}

export function openAtWork(storage: Pick<Storage, "rest">): AtWork {
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  return {
    begin(): Disposable {
      clearTimeout(timer);
      count++;
      return {
        [Symbol.dispose](): void {
          count--;
          if (count === 0) timer = setTimeout(() => storage.rest?.(), REST_MS).unref();
        },
      };
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
