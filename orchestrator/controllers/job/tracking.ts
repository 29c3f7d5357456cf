/**
 * Counts every ended pod exactly once, whenever the control plane is killed: its uid is written into the status while a finalizer keeps
 * the pod; then the finalizer goes; then the uid becomes a count. An index that succeeded needs no uid. Decides, and does nothing.
 */
import type { KubeObject } from "../../cluster.ts";
import { judgeFailure } from "./failure-policy.ts";
import { hasFailed, hasSucceeded, indexOf, isTracked, isValid } from "./job-pods.ts";
import { isIndexed, statusOf, type JobSpec, type Uncounted } from "./job-spec.ts";
import type { Tally } from "./tally.ts";
import type { Verdict } from "./verdict.ts";

/** Most uids in a status. */
const MAX_UNCOUNTED = 500;

export interface Tracking {
  /** The finalizers of these go once the status is written. */
  readonly release: readonly KubeObject[];
  readonly uncounted: Uncounted;
  readonly succeeded: number;
  readonly failed: number;
  /** Nothing is left to count. */
  readonly done: boolean;
}

export function planTracking(job: KubeObject, spec: JobSpec, tally: Tally, verdict: Verdict | undefined): Tracking {
  const { uncounted, counted } = settle(job, tally);
  const releasable = tally.pods.filter((pod) => isTracked(pod) && isReleasable(job, spec, tally, pod, verdict));
  const release: KubeObject[] = [];
  for (const pod of releasable) {
    if (uncounted.succeeded.length + uncounted.failed.length >= MAX_UNCOUNTED) break;
    release.push(pod);
    const list = listOf(pod, spec, verdict);
    const { uid } = pod.metadata;
    if (list !== undefined && !uncounted.succeeded.includes(uid) && !uncounted.failed.includes(uid)) uncounted[list].push(uid);
  }
  return {
    release,
    uncounted: Object.fromEntries(Object.entries(uncounted).filter(([, uids]) => uids.length > 0)),
    succeeded: isIndexed(spec) ? tally.completed.size : counted.succeeded,
    failed: counted.failed,
    done: releasable.length === 0 && uncounted.succeeded.length + uncounted.failed.length === 0,
  };
}

/** Uids whose finalizer is gone become counts. */
function settle(
  job: KubeObject,
  tally: Tally,
): { readonly uncounted: { succeeded: string[]; failed: string[] }; readonly counted: { succeeded: number; failed: number } } {
  const held = new Set(tally.pods.filter(isTracked).map(({ metadata }) => metadata.uid));
  const uncounted = {
    succeeded: tally.uncounted.succeeded.filter((uid) => held.has(uid)),
    failed: tally.uncounted.failed.filter((uid) => held.has(uid)),
  };
  const { succeeded = 0, failed = 0 } = statusOf(job);
  const counted = {
    succeeded: succeeded + tally.uncounted.succeeded.length - uncounted.succeeded.length,
    failed: failed + tally.uncounted.failed.length - uncounted.failed.length,
  };
  return { uncounted, counted };
}

/** The last failed pod of an index is kept until the index has another, or is done. */
function isReleasable(job: KubeObject, spec: JobSpec, tally: Tally, pod: KubeObject, verdict: Verdict | undefined): boolean {
  if (job.metadata.deletionTimestamp !== undefined || verdict !== undefined || hasSucceeded(pod)) return true;
  if (!hasFailed(pod, spec)) return false;
  const index = indexOf(pod, spec);
  return index === undefined || tally.lastFailures.get(index) !== pod;
}

/** When the Job has failed, what still runs has failed too. */
function listOf(pod: KubeObject, spec: JobSpec, verdict: Verdict | undefined): "succeeded" | "failed" | undefined {
  if (!isValid(pod, spec)) return undefined;
  if (hasSucceeded(pod)) return isIndexed(spec) ? undefined : "succeeded";
  const failed = hasFailed(pod, spec) ? judgeFailure(spec, pod).counts : verdict?.type === "FailureTarget";
  return failed ? "failed" : undefined;
}
