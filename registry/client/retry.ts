/** When to try again, and how long to wait first. */
import { setTimeout as sleep } from "node:timers/promises";
import { RegistryError } from "../errors.ts";

export interface RetryPolicy {
  readonly attempts: number;
  /** Milliseconds before the second attempt; doubles, with jitter. */
  readonly firstMs: number;
  readonly longestMs: number;
}

export const RETRY: RetryPolicy = { attempts: 6, firstMs: 200, longestMs: 30_000 };

const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

export function isPassing(status: number): boolean {
  return PASSING.has(status);
}

/** Milliseconds to wait after attempt number `attempt` (from 1) failed. `random` in [0, 1). Spec: RFC 9110, section 10.2.3. */
export function retryDelay(policy: RetryPolicy, attempt: number, retryAfter: string | undefined, random: number, now: number): number {
  const asked = retryAfter === undefined ? 0 : /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now;
  const backoff = policy.firstMs * 2 ** (attempt - 1) * (0.5 + random);
  return Math.min(Math.max(backoff, Number.isFinite(asked) ? asked : 0), policy.longestMs);
}

/** Thrown by what `retrying` runs, to be run again. */
export class PassingFailure extends Error {
  readonly failure: Error;
  readonly retryAfter: string | undefined;

  constructor(failure: Error, retryAfter?: string) {
    super(failure.message);
    this.name = "PassingFailure";
    this.failure = failure;
    this.retryAfter = retryAfter;
  }
}

/** Runs `attempt` until it does not throw a PassingFailure or UNREACHABLE; the last failure is thrown as it is. */
export async function retrying<T>(
  run: () => Promise<T>,
  { policy = RETRY, signal }: { readonly policy?: RetryPolicy | undefined; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      const passing = error instanceof PassingFailure;
      const failure = passing ? error.failure : error;
      const again = passing || (error instanceof RegistryError && error.code === "UNREACHABLE");
      if (!again || attempt >= policy.attempts) throw failure;
      await pause(policy, attempt, signal, passing ? error.retryAfter : undefined);
    }
  }
}

/** Waits as long as attempt number `attempt` asks for. */
export async function pause(policy: RetryPolicy, attempt: number, signal: AbortSignal | undefined, retryAfter?: string): Promise<void> {
  await sleep(retryDelay(policy, attempt, retryAfter, Math.random(), Date.now()), undefined, signal === undefined ? {} : { signal });
}
