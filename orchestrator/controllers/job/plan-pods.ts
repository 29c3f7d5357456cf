/** Which pods a running Job makes and removes. Decides, and does nothing. Spec: Kubernetes documentation, "Jobs". */
import type { KubeObject } from "../../cluster.ts";
import { deletionOrder } from "../replica-set/deletion-order.ts";
import { remainingDelay, remainingIndexDelay } from "./backoff.ts";
import { judgeFailure } from "./failure-policy.ts";
import { activeIndexes, failuresBefore, indexOf, isTerminating, type IndexFailures } from "./job-pods.ts";
import { isIndexed, type JobSpec } from "./job-spec.ts";
import type { Tally } from "./tally.ts";

/** Most pods made or removed in one look. */
const BURST = 500;

/** A pod to be made. */
export interface Slot {
  /** Of an Indexed Job. */
  readonly index?: number;
  /** With backoffLimitPerIndex. */
  readonly failures?: IndexFailures;
}

export interface PodsPlan {
  readonly create: readonly Slot[];
  readonly remove: readonly KubeObject[];
  /** Milliseconds until a failed pod may be replaced. */
  readonly wait: number | undefined;
}

export function planPods(spec: JobSpec, tally: Tally, now: number): PodsPlan {
  const nothing: PodsPlan = { create: [], remove: [], wait: undefined };
  if (spec.suspend) return { ...nothing, remove: tally.active };
  const wanted = wantedActive(spec, tally);
  const remove = surplus(spec, tally, Math.max(0, tally.active.length - wanted), now).slice(0, BURST);
  if (remove.length > 0) return { ...nothing, remove };
  const leaving = spec.podReplacementPolicy === "Failed" ? tally.terminating : 0;
  const missing = Math.min(wanted - leaving - tally.active.length, BURST);
  if (missing <= 0) return nothing;
  if (spec.backoffLimitPerIndex !== undefined) return planIndexes(spec, tally, missing, now);
  const wait = remainingDelay(tally.pods, spec, now);
  if (wait > 0) return { ...nothing, wait };
  if (!isIndexed(spec)) return { ...nothing, create: Array.from({ length: missing }, () => ({})) };
  return { ...nothing, create: pendingIndexes(spec, tally, missing).map((index) => ({ index })) };
}

/** Without a number of completions the first success ends the making of pods; those that run go on. */
function wantedActive({ completions, parallelism }: JobSpec, { succeeded, active }: Tally): number {
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(parallelism, completions - succeeded));
}

/** Pods without an index of the range, and all but one of an index; then those that cost least. */
function surplus(spec: JobSpec, { active }: Tally, atLeast: number, now: number): readonly KubeObject[] {
  const cheapestFirst = active.toSorted(deletionOrder(active, now));
  if (!isIndexed(spec)) return cheapestFirst.slice(0, atLeast);
  const kept = new Map(cheapestFirst.flatMap((pod) => (indexOf(pod, spec) === undefined ? [] : [[indexOf(pod, spec), pod]])));
  const keeps = (pod: KubeObject): boolean => kept.get(indexOf(pod, spec)) === pod;
  const odd = cheapestFirst.filter((pod) => !keeps(pod));
  return [...odd, ...cheapestFirst.filter(keeps).slice(0, Math.max(0, atLeast - odd.length))];
}

/** The lowest indexes that nothing has, at most `count`. */
function pendingIndexes(spec: JobSpec, tally: Tally, count: number): number[] {
  const leaving = spec.podReplacementPolicy === "Failed" ? tally.pods.filter(isTerminating) : [];
  const taken = new Set([...tally.completed, ...(tally.failedIndexes ?? []), ...activeIndexes(tally.active, spec)]);
  for (const pod of leaving) taken.add(indexOf(pod, spec) ?? -1);
  const found: number[] = [];
  for (let index = 0; index < (spec.completions ?? 0) && found.length < count; index++) if (!taken.has(index)) found.push(index);
  return found;
}

/** Each index waits for itself. */
function planIndexes(spec: JobSpec, tally: Tally, missing: number, now: number): PodsPlan {
  const pending = pendingIndexes(spec, tally, missing).map((index) => {
    const failed = tally.lastFailures.get(index);
    return { index, failed, wait: failed === undefined ? 0 : remainingIndexDelay(failed, now) };
  });
  const waits = pending.filter(({ wait }) => wait > 0).map(({ wait }) => wait);
  const create = pending.filter(({ wait }) => wait === 0).map(({ index, failed }) => ({ index, failures: failuresAfter(spec, failed) }));
  return { create, remove: [], wait: waits.length === 0 ? undefined : Math.min(...waits) };
}

function failuresAfter(spec: JobSpec, failed: KubeObject | undefined): IndexFailures {
  if (failed === undefined) return { counted: 0, ignored: 0 };
  const { counted, ignored } = failuresBefore(failed);
  return judgeFailure(spec, failed).action === "Ignore" ? { counted, ignored: ignored + 1 } : { counted: counted + 1, ignored };
}
