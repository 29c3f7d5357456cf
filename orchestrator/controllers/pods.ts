/** What controllers ask of a pod. */
import type { KubeObject } from "../cluster.ts";
import { parseTime } from "./clock.ts";
import { findCondition } from "./conditions.ts";

export function isTerminal(pod: KubeObject): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** Neither ended nor being deleted. */
export function isActive(pod: KubeObject): boolean {
  return !isTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

export function isReady(pod: KubeObject): boolean {
  return findCondition(pod, "Ready")?.status === "True";
}

/** Milliseconds since the epoch; 0 when it is not ready. */
export function readySince(pod: KubeObject): number {
  return isReady(pod) ? parseTime(findCondition(pod, "Ready")?.lastTransitionTime) : 0;
}

/** Ready for at least `minReadySeconds`. */
export function isAvailable(pod: KubeObject, minReadySeconds: number, now: number): boolean {
  return isReady(pod) && (minReadySeconds === 0 || readySince(pod) + minReadySeconds * 1000 <= now);
}

/** Milliseconds until the next ready pod counts as available; undefined when none is waiting for it. */
export function nextAvailable(pods: readonly KubeObject[], minReadySeconds: number, now: number): number | undefined {
  const due = pods.filter((pod) => isReady(pod) && !isAvailable(pod, minReadySeconds, now)).map((pod) => readySince(pod) + minReadySeconds * 1000 - now);
  return due.length === 0 ? undefined : Math.min(...due);
}

/** Restarts of the container that restarted most. */
export function maxRestarts(pod: KubeObject): number {
  const statuses: readonly { readonly restartCount?: number }[] = pod.status?.containerStatuses ?? [];
  return Math.max(0, ...statuses.map((status) => status.restartCount ?? 0));
}
