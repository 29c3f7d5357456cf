/**
 * The one loop under every controller: a queue of keys without duplicates, each key in at most one worker at a time,
 * failures retried with exponential back-off. Level-triggered: a key says "look again", never what happened.
 */
import type { Clock } from "./clock.ts";

export interface Outcome {
  /** Milliseconds until the key should be looked at again though nothing happened. */
  readonly requeueAfter?: number;
}

export interface LoopOptions {
  readonly clock: Clock;
  readonly workers?: number;
  readonly reconcile: (key: string) => Promise<Outcome | void>;
  /** Told of every failure; the loop retries by itself. */
  readonly onError: (key: string, error: unknown) => void;
}

/** First retry, then twice as long each time. */
const FIRST_RETRY_MS = 5;
const LAST_RETRY_MS = 1_000_000;

export function retryDelay(failures: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS);
}

export class Loop implements AsyncDisposable {
  readonly #options: LoopOptions;
  readonly #queued = new Set<string>();
  readonly #active = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, { readonly due: number; readonly timer: Disposable }>();
  #pumping = false;
  #closed = false;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  add(key: string): void {
    if (this.#closed) return;
    if (this.#active.has(key)) this.#again.add(key);
    else this.#queued.add(key);
    this.#wake();
  }

  /** Of several delays of one key the earliest counts: each reconcile asks anew. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return;
    const due = this.#options.clock.now() + ms;
    const waiting = this.#timers.get(key);
    if (waiting !== undefined && waiting.due <= due) return;
    waiting?.timer[Symbol.dispose]();
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { due, timer });
  }

  /** Takes no new key, and waits for the workers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const { timer } of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
    this.#queued.clear();
    await Promise.all(this.#active.values());
  }

  /** One turn of the event loop lets a burst of events on one key become one reconcile. */
  #wake(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    for (const key of this.#queued) {
      if (this.#closed || this.#active.size >= (this.#options.workers ?? 1)) return;
      this.#queued.delete(key);
      this.#active.set(key, this.#run(key));
    }
  }

  async #run(key: string): Promise<void> {
    try {
      const outcome = await this.#options.reconcile(key);
      this.#failures.delete(key);
      if (outcome?.requeueAfter !== undefined) this.addAfter(key, outcome.requeueAfter);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      this.#options.onError(key, error);
      this.addAfter(key, retryDelay(failures));
    } finally {
      this.#active.delete(key);
      if (this.#again.delete(key) && !this.#closed) this.#queued.add(key);
      if (this.#queued.size > 0) this.#wake();
    }
  }
}
