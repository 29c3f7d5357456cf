/** Two readings of a counter of cpu time, and the rate between them. */
import type { Meter } from "../../../runtime/process.ts";
import type { Measured, Usage } from "../../cluster.ts";

interface Reading extends Meter {
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface UsageWindow {
  readonly before: Reading | undefined;
  readonly last: Reading;
}

/** A counter that went back is another container's, or that of one which has ended: it begins anew. */
export function extend(window: UsageWindow | undefined, last: Reading): UsageWindow {
  const follows = window !== undefined && last.at > window.last.at && last.cpuTotal >= window.last.cpuTotal;
  return { before: follows ? window.last : undefined, last };
}

export function rateOf({ before, last }: UsageWindow): Measured<Usage> | undefined {
  if (before === undefined) return undefined;
  const window = last.at - before.at;
  return { at: last.at, window, usage: { cpu: Math.round(((last.cpuTotal - before.cpuTotal) * 1000) / window), memory: last.memory } };
}
