/** A Job's pods, counted: by what they are now, and by what the status has written down of those that are gone. Decides, and does nothing. */
import type { KubeObject } from "../../cluster.ts";
import { isActive, isReady } from "../pods.ts";
import { judgeFailure } from "./failure-policy.ts";
import { parseIndexes, type IndexSet } from "./index-set.ts";
import { activeIndexes, failuresBefore, hasFailed, hasSucceeded, indexOf, isTerminating, isTracked, isValid } from "./job-pods.ts";
import { isIndexed, statusOf, type JobSpec, type Uncounted } from "./job-spec.ts";

export interface Tally {
  readonly pods: readonly KubeObject[];
  readonly active: readonly KubeObject[];
  readonly ready: number;
  readonly terminating: number;
  /** Counted or to be counted. */
  readonly succeeded: number;
  readonly failed: number;
  /** Of an Indexed Job. */
  readonly completed: IndexSet;
  /** Those that the status knows already. */
  readonly completedBefore: IndexSet;
  /** Undefined without backoffLimitPerIndex. */
  readonly failedIndexes: IndexSet | undefined;
  /** The last failed pod of each index that will get another: it is kept to tell how often the index failed. */
  readonly lastFailures: ReadonlyMap<number, KubeObject>;
  /** Written down, with the pod's finalizer still there. */
  readonly uncounted: Required<Uncounted>;
}

export function tallyJob(job: KubeObject, spec: JobSpec, pods: readonly KubeObject[]): Tally {
  const status = statusOf(job);
  const uncounted = { succeeded: status.uncountedTerminatedPods?.succeeded ?? [], failed: status.uncountedTerminatedPods?.failed ?? [] };
  const isNew = (pod: KubeObject, known: readonly string[]): boolean => isTracked(pod) && isValid(pod, spec) && !known.includes(pod.metadata.uid);
  const newSucceeded = pods.filter((pod) => hasSucceeded(pod) && isNew(pod, uncounted.succeeded));
  const newFailed = pods.filter((pod) => hasFailed(pod, spec) && isNew(pod, uncounted.failed));
  const completedBefore = parseIndexes(status.completedIndexes, spec.completions ?? 0);
  const completed = new Set([...completedBefore, ...newSucceeded.flatMap((pod) => indexOf(pod, spec) ?? [])]);
  const failedIndexes = spec.backoffLimitPerIndex === undefined ? undefined : findFailedIndexes(job, spec, pods);
  return {
    pods,
    active: pods.filter(isActive),
    ready: pods.filter((pod) => isActive(pod) && isReady(pod)).length,
    terminating: pods.filter(isTerminating).length,
    succeeded: isIndexed(spec) ? completed.size : (status.succeeded ?? 0) + newSucceeded.length + uncounted.succeeded.length,
    failed: (status.failed ?? 0) + newFailed.filter((pod) => judgeFailure(spec, pod).counts).length + uncounted.failed.length,
    completed,
    completedBefore,
    failedIndexes,
    lastFailures: failedIndexes === undefined ? new Map() : findLastFailures(spec, pods, completed, failedIndexes),
    uncounted,
  };
}

function findFailedIndexes(job: KubeObject, spec: JobSpec, pods: readonly KubeObject[]): IndexSet {
  const failed = pods.filter((pod) => isTracked(pod) && hasFailed(pod, spec) && failsIndex(spec, pod)).flatMap((pod) => indexOf(pod, spec) ?? []);
  return new Set([...parseIndexes(statusOf(job).failedIndexes, spec.completions ?? 0), ...failed]);
}

function failsIndex(spec: JobSpec, pod: KubeObject): boolean {
  const { action, counts } = judgeFailure(spec, pod);
  return action === "FailIndex" || (counts && failuresBefore(pod).counted >= (spec.backoffLimitPerIndex ?? 0));
}

function findLastFailures(spec: JobSpec, pods: readonly KubeObject[], completed: IndexSet, failed: IndexSet): ReadonlyMap<number, KubeObject> {
  const running = activeIndexes(pods, spec);
  const last = new Map<number, KubeObject>();
  const total = (pod: KubeObject): number => failuresBefore(pod).counted + failuresBefore(pod).ignored;
  for (const pod of pods.filter((one) => isTracked(one) && hasFailed(one, spec))) {
    const index = indexOf(pod, spec);
    if (index === undefined || running.has(index) || completed.has(index) || failed.has(index)) continue;
    const before = last.get(index);
    if (before === undefined || total(before) <= total(pod)) last.set(index, pod);
  }
  return last;
}
