/** What a Job asks of its pods. */
import type { KubeObject } from "../../cluster.ts";
import { parseTime } from "../clock.ts";
import { findCondition } from "../conditions.ts";
import { hasFinalizer } from "../finalizers.ts";
import { isActive, isTerminal } from "../pods.ts";
import { COMPLETION_INDEX, INDEX_FAILURES, INDEX_IGNORED_FAILURES, isIndexed, TRACKING, type JobSpec } from "./job-spec.ts";

/** Not counted yet. */
export function isTracked(pod: KubeObject): boolean {
  return hasFinalizer(pod, TRACKING);
}

/** Being deleted, and still running. */
export function isTerminating(pod: KubeObject): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !isTerminal(pod);
}

export function hasSucceeded(pod: KubeObject): boolean {
  return pod.status?.phase === "Succeeded";
}

/** A pod that is deleted counts as failed at once, or, when the Job replaces only failed pods, once it has ended; one without a node never runs. */
export function hasFailed(pod: KubeObject, spec: JobSpec): boolean {
  if (pod.status?.phase === "Failed") return true;
  if (pod.metadata.deletionTimestamp === undefined || hasSucceeded(pod)) return false;
  return spec.podReplacementPolicy !== "Failed" || (pod.spec.nodeName ?? "") === "";
}

/** Of an Indexed Job, when it is one of its range. */
export function indexOf(pod: KubeObject, spec: JobSpec): number | undefined {
  const text = pod.metadata.annotations?.[COMPLETION_INDEX];
  if (!isIndexed(spec) || text === undefined || !/^\d+$/.test(text)) return undefined;
  return Number(text) < (spec.completions ?? 0) ? Number(text) : undefined;
}

/** A pod that can count: every one, but of an Indexed Job only those that have an index. */
export function isValid(pod: KubeObject, spec: JobSpec): boolean {
  return !isIndexed(spec) || indexOf(pod, spec) !== undefined;
}

export function activeIndexes(pods: readonly KubeObject[], spec: JobSpec): ReadonlySet<number> {
  return new Set(pods.filter(isActive).flatMap((pod) => indexOf(pod, spec) ?? []));
}

export interface IndexFailures {
  readonly counted: number;
  readonly ignored: number;
}

/** Of the pod's index, before this pod. */
export function failuresBefore({ metadata }: KubeObject): IndexFailures {
  const read = (name: string): number => Number(metadata.annotations?.[name] ?? 0);
  return { counted: read(INDEX_FAILURES), ignored: read(INDEX_IGNORED_FAILURES) };
}

/** When it ended, in milliseconds since the epoch, as well as the pod can tell. */
export function endedAt(pod: KubeObject): number {
  const statuses: readonly { readonly state?: { readonly terminated?: { readonly finishedAt?: string } } }[] = pod.status?.containerStatuses ?? [];
  const ends = statuses.map((status) => parseTime(status.state?.terminated?.finishedAt));
  if (ends.length > 0 && ends.every((end) => end > 0)) return Math.max(...ends);
  const ready = findCondition(pod, "Ready");
  if (ready?.status === "False" && ready.lastTransitionTime !== undefined) return parseTime(ready.lastTransitionTime);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return parseTime(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return parseTime(creationTimestamp);
}
