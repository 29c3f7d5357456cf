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

/** Restarts of the container that restarted most. */
export function maxRestarts(pod: KubeObject): number {
  const statuses: readonly { readonly restartCount?: number }[] = pod.status?.containerStatuses ?? [];
  return Math.max(0, ...statuses.map((status) => status.restartCount ?? 0));
}
