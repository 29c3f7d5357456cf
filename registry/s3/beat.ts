/** While a request works on an upload the bucket is told so again and again: what came may be in memory for long, and the upload looks left. */

/** Milliseconds between two: longer than a client may stand still by default, so that ten thousand of those are no burden to the service. */
export const BEAT_MS = 200_000;
/** Milliseconds: an upload whose last sign is younger may be worked on. */
export const QUIET_MS = 3 * BEAT_MS;

export interface Beat {
  /** After this nothing is told any more. Idempotent. */
  end(): Promise<void>;
}

/** `quietMs`: how long there was no sign before. */
export function openBeat(tell: () => Promise<unknown>, quietMs = 0): Beat {
  let told: Promise<unknown> = Promise.resolve();
  const beat = (): void => void (told = told.then(tell).catch(() => undefined)); // the next one may arrive
  if (quietMs > BEAT_MS) beat();
  const timer = setInterval(beat, BEAT_MS).unref();
  return {
    async end(): Promise<void> {
      clearInterval(timer);
      await told;
    },
  };
}
