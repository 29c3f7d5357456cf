/** Does something again and again, with the same rest between two times. */
import type { Clock } from "./clock.ts";

/** A beat that fails is missed; the next one comes when this one is done. Dispose ends it. */
export function repeat(clock: Clock, every: number, beat: () => Promise<void>): Disposable {
  let timer: Disposable;
  const schedule = (): void => {
    timer = clock.after(every, () => {
      void beat()
        .catch(() => {})
        .finally(() => void (ended || schedule()));
    });
  };
  let ended = false;
  schedule();
  return {
    [Symbol.dispose](): void {
      ended = true;
      timer[Symbol.dispose]();
    },
  };
}
