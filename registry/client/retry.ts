/** When to try again, and how long to wait first. */
import { setTimeout as sleep } from "node:timers/promises";
import { RegistryError, type Passing } from "../errors.ts";
import type { Answer } from "./connection.ts";

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
  const backoff = policy.firstMs * 2 ** (attempt - 1) * (0.5 + random);
  return Math.min(Math.max(backoff, askedDelay(retryAfter, now) ?? 0), policy.longestMs);
}

/** Milliseconds that `Retry-After` asks for; undefined for none, and for what is neither seconds nor a date. `now`: since the epoch. */
export function askedDelay(retryAfter: string | undefined, now: number): number | undefined {
  if (retryAfter === undefined) return undefined;
  const asked = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now;
  return Number.isFinite(asked) ? asked : undefined;
}

/** Undefined for an answer that stays what it is. Others are told no words that `Retry-After` does not have. Spec: RFC 9110, section 10.2.3. */
export function passingOf({ status, headers }: Pick<Answer, "status" | "headers">): Passing | undefined {
  if (!isPassing(status)) return undefined;
  const later = headers["retry-after"];
  const isTime = later !== undefined && (/^\d{1,9}$/.test(later) || /^[A-Za-z0-9 ,:]+ GMT$/.test(later));
  return { status, retryAfter: isTime ? later : undefined };
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
