/**
 * How long another registry is left alone that was away, or said to come later: it is not asked meanwhile, and who would have is told at
 * once what came of it last. Then one asks, and the others go on hearing that until there is an answer. What it refuses about one
 * repository (401, 403, 500) is quick and tells nothing of others, so it is not remembered.
 */
import { askedDelay } from "../client/retry.ts";
import { RegistryError } from "../errors.ts";

/** What `ask` gives or throws, or what is remembered. */
export type Respite = <T>(ask: () => Promise<T>) => Promise<T>;

const REST_MS = 10_000;
/** Bounds of what it may ask for itself. */
const SHORTEST_MS = 1_000;
const LONGEST_MS = 60_000;
/** What has no answer for so long is no hindrance to the next: it may be one repository's alone. */
const PROBE_MS = 2_000;
/** It does too much, or what it stands behind or before is away. */
const AWAY: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** `now`: milliseconds that never go back. */
export function openRespite(now: () => number): Respite {
  let last: { readonly error: unknown; until: number } | undefined;
  return async (ask) => {
    const before = last;
    if (before !== undefined && now() < before.until) throw before.error;
    if (before !== undefined) before.until = now() + PROBE_MS; // this one asks
    try {
      const given = await ask();
      if (last === before) last = undefined;
      return given;
    } catch (error) {
      const rest = restAfter(error);
      if (rest !== undefined) last = { error, until: now() + rest };
      else if (last === before) last = undefined; // it answered
      throw error;
    }
  };
}

/** Milliseconds; undefined for what says nothing of the registry as a whole. */
function restAfter(error: unknown): number | undefined {
  if (!(error instanceof RegistryError)) return undefined;
  if (error.code === "UNREACHABLE") return REST_MS;
  if (error.passing === undefined || !AWAY.has(error.passing.status)) return undefined;
  const asked = askedDelay(error.passing.retryAfter, Date.now());
  return asked === undefined ? REST_MS : Math.min(Math.max(asked, SHORTEST_MS), LONGEST_MS);
}
