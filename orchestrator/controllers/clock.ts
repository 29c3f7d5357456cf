/** Time as controllers see it, so that tests can turn it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `run` once after `ms`; dispose cancels. */
  after(ms: number, run: () => void): Disposable;
}

/** Longest delay that a Node timer keeps; longer ones wake early, which a level-triggered loop does not mind. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), MAX_DELAY_MS));
    return {
      [Symbol.dispose](): void {
        clearTimeout(timer);
      },
    };
  },
};

/** RFC 3339 to the second, as metav1.Time is written. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** RFC 3339 to the microsecond, as metav1.MicroTime is written. */
export function formatMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

/** Milliseconds since the epoch; 0 when absent. */
export function parseTime(text: string | undefined): number {
  return text === undefined ? 0 : Date.parse(text);
}
