/** How long a Job waits before it replaces failed pods: 10 s, doubled by each failure since the last success, ten minutes at most. */
import type { KubeObject } from "../../cluster.ts";
import { endedAt, failuresBefore, hasFailed, hasSucceeded } from "./job-pods.ts";
import type { JobSpec } from "./job-spec.ts";

const FIRST_MS = 10_000;
const LAST_MS = 600_000;

/** Milliseconds left. Known from the pods alone, so that a new controller goes on where the old one was. */
export function remainingDelay(pods: readonly KubeObject[], spec: JobSpec, now: number): number {
  const lastSuccess = Math.max(0, ...pods.filter(hasSucceeded).map(endedAt));
  const failures = pods.filter((pod) => hasFailed(pod, spec) && endedAt(pod) >= lastSuccess);
  return remaining(failures.length, Math.max(0, ...failures.map(endedAt)), now);
}

/** For the next pod of an index whose last one is `failed`. */
export function remainingIndexDelay(failed: KubeObject, now: number): number {
  const { counted, ignored } = failuresBefore(failed);
  return remaining(counted + ignored + 1, endedAt(failed), now);
}

function remaining(failures: number, since: number, now: number): number {
  if (failures === 0) return 0;
  return Math.max(0, since + Math.min(FIRST_MS * 2 ** (failures - 1), LAST_MS) - now);
}
