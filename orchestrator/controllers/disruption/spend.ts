/** Whether an eviction may take a pod, and what it takes from the budget. Decides, and does nothing. Spec: Kubernetes documentation, "API-initiated Eviction". */
import type { KubeObject } from "../../cluster.ts";
import { formatTime } from "../clock.ts";
import { isReady } from "../pods.ts";
import { withAllowed } from "./plan.ts";

export type Spending =
  /** Costs the budget nothing. */
  | { readonly kind: "free" }
  | { readonly kind: "spent"; readonly budget: KubeObject }
  | { readonly kind: "refused"; readonly cause: string; readonly retryAfterSeconds?: number };

/** A new budget is counted soon: it is worth asking again. */
const PROCESSING_SECONDS = 10;

/** A pod that has ended, has not begun or is going already is in nobody's count. */
export function isBeyondBudgets({ metadata, status }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined || status?.phase === "Succeeded" || status?.phase === "Failed" || status?.phase === "Pending";
}

export function spend(budget: KubeObject, pod: KubeObject, now: number): Spending {
  const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0, observedGeneration = 0, disruptedPods = {} } = budget.status ?? {};
  if (!isReady(pod)) {
    if (budget.spec.unhealthyPodEvictionPolicy === "AlwaysAllow") return { kind: "free" };
    if (desiredHealthy > 0 && currentHealthy >= desiredHealthy) return { kind: "free" };
  }
  const { name } = budget.metadata;
  if (observedGeneration < (budget.metadata.generation ?? 1))
    return { kind: "refused", cause: `The disruption budget ${name} is still being processed by the server.`, retryAfterSeconds: PROCESSING_SECONDS };
  if (disruptionsAllowed <= 0)
    return { kind: "refused", cause: `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently` };
  const left = disruptionsAllowed - 1;
  const status = { ...budget.status, disruptionsAllowed: left, disruptedPods: { ...disruptedPods, [pod.metadata.name]: formatTime(now) } };
  return { kind: "spent", budget: { ...budget, status: { ...status, ...(left === 0 && { conditions: withAllowed(budget, left, now) }) } } };
}
