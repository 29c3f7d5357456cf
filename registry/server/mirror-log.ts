/** What the operator of a mirror is told of the other registry: why it cannot be had. */
import { printable } from "../client/printable.ts";
import { isOfTrust } from "../client/unreachable.ts";
import type { RegistryError } from "../errors.ts";

/** Of the same reason. */
const AGAIN_MS = 60_000;
const MAX_REASONS = 100;

/** A line for each reason, once a minute. `now`: milliseconds that never go back. */
export function mirrorLog(write: (line: string) => void, now: () => number): (error: RegistryError) => void {
  const told = new Map<string, number>();
  return (error) => {
    const why = printable(error.message);
    const before = told.get(why);
    if (before !== undefined && now() - before < AGAIN_MS) return;
    if (told.size >= MAX_REASONS) told.clear();
    told.set(why, now());
    write(`mirror: ${why}${isOfTrust(error) ? " (put its authority into certs.d, or say --mirror-insecure)" : ""}\n`);
  };
}
