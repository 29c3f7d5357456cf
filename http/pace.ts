/** Whether bytes come fast enough to be worth a connection: a client that creeps holds as much as one that stands still. */

/** Bytes a second, over a whole window: slower than any line that images travel on. */
const LEAST_RATE = 1024;

export function isCreeping(bytes: number, milliseconds: number): boolean {
  return bytes < (LEAST_RATE * milliseconds) / 1000;
}

export interface Pace {
  /** Tells of bytes, and how long they were waited for. False when a window is over in which too few came. */
  took(bytes: number, waitedMs: number): boolean;
}

/** Only the waiting counts, not what the server did with the bytes. */
export function measurePace(windowMs: number): Pace {
  let bytes = 0;
  let waited = 0;
  return {
    took(more, waitedMs): boolean {
      bytes += more;
      waited += waitedMs;
      if (waited < windowMs) return true;
      const isEnough = !isCreeping(bytes, waited);
      bytes = 0;
      waited = 0;
      return isEnough;
    },
  };
}
