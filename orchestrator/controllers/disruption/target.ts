/** Marks a pod that is about to be deleted through no fault of its own, which Jobs may forgive. Spec: Kubernetes documentation, "Pod disruption conditions". */
import type { KubeObject } from "../../cluster.ts";
import { setCondition } from "../conditions.ts";

export type DisruptionReason = "EvictionByEvictionAPI" | "DeletionByTaintManager" | "DeletionByPodGC" | "PreemptionByScheduler";

/** `now` as the API writes times. */
export function disruptionTarget(pod: KubeObject, reason: DisruptionReason, message: string, now: string): KubeObject {
  const condition = { type: "DisruptionTarget", status: "True", reason, message, lastProbeTime: null } as const;
  return { ...pod, status: { ...pod.status, conditions: setCondition(pod.status?.conditions ?? [], condition, now) } };
}
