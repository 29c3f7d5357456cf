/** A clock that stands still until it is turned. */
import type { Clock } from "../../orchestrator/controllers/clock.ts";
import { NOW } from "./objects.ts";

export class FakeClock implements Clock {
  #now = NOW;
  readonly #timers = new Set<{ readonly due: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Disposable {
    const timer = { due: this.#now + ms, run };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** Runs what falls due, in order, and lets what it started finish its turn. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = [...this.#timers].filter(({ due }) => due <= end).toSorted((left, right) => left.due - right.due)[0];
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.due;
      next.run();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything that needs no timer come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
