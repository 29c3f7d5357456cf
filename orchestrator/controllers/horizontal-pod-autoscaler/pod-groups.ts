/** Which pods an autoscaler may judge by: usage while a program starts says nothing about its load. */
import type { KubeObject } from "../../cluster.ts";
import { parseTime } from "../clock.ts";
import { findCondition } from "../conditions.ts";

/** Usage of one pod. */
export interface Reading {
  /** Thousandths of the resource's unit. */
  readonly amount: number;
  /** End of what was measured, and how long it was: milliseconds. */
  readonly at: number;
  readonly window: number;
}

export interface PodGroups {
  readonly ready: ReadonlySet<string>;
  readonly unready: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
}

/** For so long after its start a pod's cpu counts only while it is ready, and was so for a whole measurement. */
const CPU_INITIALIZATION_MS = 300_000;
/** A pod that turned unready this soon after its start has never been ready. */
const INITIAL_READINESS_MS = 30_000;

/** Pods that failed or are being deleted are in no group. */
export function sortPods(pods: readonly KubeObject[], readings: ReadonlyMap<string, Reading>, resource: string, now: number): PodGroups {
  const groups = { ready: new Set<string>(), unready: new Set<string>(), missing: new Set<string>() };
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === "Failed") continue;
    groups[groupOf(pod, readings.get(pod.metadata.name), resource, now)].add(pod.metadata.name);
  }
  return groups;
}

function groupOf(pod: KubeObject, reading: Reading | undefined, resource: string, now: number): keyof PodGroups {
  if (pod.status?.phase === "Pending") return "unready";
  if (reading === undefined) return "missing";
  return resource === "cpu" && isStarting(pod, reading, now) ? "unready" : "ready";
}

function isStarting(pod: KubeObject, reading: Reading, now: number): boolean {
  const ready = findCondition(pod, "Ready");
  const started = parseTime(pod.status?.startTime);
  if (ready === undefined || started === 0) return true;
  const turned = parseTime(ready.lastTransitionTime);
  if (started + CPU_INITIALIZATION_MS > now) return ready.status === "False" || reading.at < turned + reading.window;
  return ready.status === "False" && started + INITIAL_READINESS_MS > turned;
}
