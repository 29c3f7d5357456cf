/** How well a node suits a pod: each part 0 to 100, weighted. Spec: Kubernetes documentation, "Kubernetes Scheduler". */
import type { NodeInfo } from "./ledger.ts";
import type { Wanted } from "./filters.ts";
import { preference, preferencesOf } from "./node-affinity.ts";
import { tolerates } from "./taints.ts";

/** What a pod that asks for nothing is taken to need, so that such pods spread too. */
const ASSUMED = { cpu: 100, memory: 200 * 2 ** 20 } as const;
/** For no node any points. */
const NOTHING: readonly number[] = [];
const WEIGHT = { taints: 3, affinity: 2, least: 1, balance: 1 } as const;

export function scores(wanted: Wanted, infos: readonly NodeInfo[]): readonly number[] {
  const preferred = preferencesOf(wanted.pod);
  const taints = infos.every((info) => info.taints.length === 0) ? NOTHING : normalized(infos.map((info) => -intolerable(wanted, info)));
  const affinities = preferred.length === 0 ? NOTHING : normalized(infos.map((info) => preference(preferred, info.node)));
  return infos.map((info, index) => {
    const cpu = used(wanted, info, "cpu");
    const memory = used(wanted, info, "memory");
    const least = ((1 - cpu + (1 - memory)) / 2) * 100;
    const balance = (1 - Math.abs(cpu - memory) / 2) * 100;
    return WEIGHT.taints * (taints[index] ?? 0) + WEIGHT.affinity * (affinities[index] ?? 0) + WEIGHT.least * least + WEIGHT.balance * balance;
  });
}

/** Part of the node in use with the pod on it, 0 to 1. */
function used({ requests }: Wanted, { allocatable, requested }: NodeInfo, name: "cpu" | "memory"): number {
  const total = allocatable[name] ?? 0;
  const sum = (requested[name] ?? 0) + (requests[name] || ASSUMED[name]);
  return total === 0 ? 1 : Math.min(1, sum / total);
}

function intolerable({ pod }: Wanted, { taints }: NodeInfo): number {
  return taints.filter((taint) => taint.effect === "PreferNoSchedule" && !tolerates(pod.spec.tolerations ?? [], taint)).length;
}

/** Stretches to 0…100; all alike is all 0. */
function normalized(values: readonly number[]): readonly number[] {
  const low = Math.min(...values);
  const range = Math.max(...values) - low;
  return values.map((value) => (range === 0 ? 0 : ((value - low) / range) * 100));
}
