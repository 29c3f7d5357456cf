/** How many pods of a budget may go now. Decides, and does nothing. Spec: Kubernetes documentation, "Disruptions", "Specifying a Disruption Budget". */
import type { KubeObject } from "../../cluster.ts";
import { formatTime, parseTime } from "../clock.ts";
import { setCondition, type Condition } from "../conditions.ts";
import type { Notice } from "../events.ts";
import { resolvePercent } from "../percent.ts";
import { isReady } from "../pods.ts";
import { formatSelector } from "../../schema/selector.ts";
import type { OwnerScale } from "./owner-scale.ts";

export interface BudgetView {
  readonly budget: KubeObject;
  /** Those that it selects. */
  readonly pods: readonly KubeObject[];
  readonly scaleOf: (pod: KubeObject) => OwnerScale;
  readonly now: number;
}

export interface BudgetPlan {
  readonly status: object;
  readonly notices: readonly Notice[];
  /** Milliseconds until an eviction that came to nothing is forgotten. */
  readonly requeueAfter: number | undefined;
}

/** An evicted pod that is not being deleted after this long will not be. */
const DELETION_TIMEOUT_MS = 120_000;

export const unmanagedText = (selector: string): string =>
  `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;

export function planBudget(view: BudgetView): BudgetPlan {
  const { budget, pods, now } = view;
  const need = needOf(view);
  const empty = pods.length === 0 ? [{ type: "Normal", reason: "NoPods", message: "No matching pods found" } as const] : [];
  if ("problem" in need) {
    const failed = {
      type: "Warning",
      reason: "CalculateExpectedPodCountFailed",
      message: `Failed to calculate the number of expected pods: ${need.problem}`,
    } as const;
    return { status: unknown(budget, need.problem, now), notices: [...empty, failed], requeueAfter: undefined };
  }
  const disrupted = pendingDisruptions(view);
  const healthy = pods.filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined && !disrupted.has(pod.metadata.name)).length;
  const allowed = need.expected === 0 ? 0 : Math.max(0, healthy - need.healthy);
  const status = {
    ...(disrupted.size > 0 && { disruptedPods: Object.fromEntries(disrupted) }),
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: need.healthy,
    expectedPods: need.expected,
    observedGeneration: budget.metadata.generation ?? 1,
    conditions: withAllowed(budget, allowed, now),
  };
  const unmanaged = need.unmanaged ? [{ type: "Warning", reason: "UnmanagedPods", message: unmanagedText(formatSelector(budget.spec.selector)) } as const] : [];
  const due = [...disrupted.values()].map((time) => parseTime(time) + DELETION_TIMEOUT_MS - now);
  return { status, notices: [...empty, ...unmanaged], requeueAfter: due.length === 0 ? undefined : Math.max(0, Math.min(...due)) };
}

/** The conditions with the one that says whether a pod may go. */
export function withAllowed(budget: KubeObject, allowed: number, now: number): readonly Condition[] {
  const condition = {
    type: "DisruptionAllowed",
    status: allowed > 0 ? "True" : "False",
    reason: allowed > 0 ? "SufficientPods" : "InsufficientPods",
    message: "",
    observedGeneration: budget.metadata.generation ?? 1,
  } as const;
  return setCondition(budget.status?.conditions ?? [], condition, formatTime(now));
}

/** What cannot be counted may not be disrupted. */
function unknown(budget: KubeObject, problem: string, now: number): object {
  const condition = {
    type: "DisruptionAllowed",
    status: "False",
    reason: "SyncFailed",
    message: problem,
    observedGeneration: budget.metadata.generation ?? 1,
  } as const;
  const counts = { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, ...budget.status };
  return { ...counts, disruptionsAllowed: 0, conditions: setCondition(budget.status?.conditions ?? [], condition, formatTime(now)) };
}

interface Need {
  readonly expected: number;
  readonly healthy: number;
  /** A pod of no controller is among them, and percentages are of what controllers want. */
  readonly unmanaged: boolean;
}

function needOf({ budget, pods, scaleOf }: BudgetView): Need | { readonly problem: string } {
  const { minAvailable, maxUnavailable } = budget.spec;
  if (maxUnavailable === undefined && typeof minAvailable !== "string") return { expected: pods.length, healthy: minAvailable ?? 0, unmanaged: false };
  const scales = new Map<string, number>();
  let unmanaged = false;
  for (const pod of pods) {
    const found = scaleOf(pod);
    if (found.kind === "problem") return { problem: found.problem };
    if (found.kind === "none") unmanaged = true;
    else scales.set(found.uid, found.replicas);
  }
  const expected = [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  const healthy =
    maxUnavailable === undefined ? resolvePercent(minAvailable, expected, "up") : Math.max(0, expected - resolvePercent(maxUnavailable, expected, "up"));
  return { expected, healthy, unmanaged };
}

/** Pods that were let go and whose deletion is not seen yet. */
function pendingDisruptions({ budget, pods, now }: BudgetView): ReadonlyMap<string, string> {
  const known: Readonly<Record<string, string>> = budget.status?.disruptedPods ?? {};
  const waiting = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined && known[metadata.name] !== undefined);
  const entries = waiting.map(({ metadata }) => [metadata.name, known[metadata.name] ?? ""] as const);
  return new Map(entries.filter(([, time]) => parseTime(time) + DELETION_TIMEOUT_MS > now));
}
