/** Times without the global `performance`, whose first use loads modules for 2 ms. */
import { addon } from "./addon.ts";

/** Milliseconds since some moment, never backwards. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** Milliseconds since 1970, with a fraction. */
export function wallClockMs(): number {
  return addon().wallClock();
}
