/**
 * The taints that follow from a node's own state: cordoned, not ready, unreachable, short of something. They are set in the same write
 * as the state itself, so that no scheduler and no user sees one without the other. Spec: Kubernetes documentation, "Taints and Tolerations".
 */
import type { KubeObject } from "../cluster.ts";
import { equal } from "../schema/equal.ts";

interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
  readonly timeAdded?: string;
}

const PREFIX = "node.kubernetes.io/";
const OWN = ["not-ready", "unreachable", "unschedulable", "memory-pressure", "disk-pressure", "pid-pressure", "network-unavailable"].map(
  (name) => PREFIX + name,
);

const byCondition: readonly (readonly [type: string, taint: string])[] = [
  ["MemoryPressure", "memory-pressure"],
  ["DiskPressure", "disk-pressure"],
  ["PIDPressure", "pid-pressure"],
  ["NetworkUnavailable", "network-unavailable"],
];

/** Changes `node`. `now` as the API writes times. */
export function settleTaints(node: Record<string, any>, now: string): void {
  const before: readonly Taint[] = node["spec"]?.taints ?? [];
  const wanted = wantedTaints(node as KubeObject, now).map((taint) => before.find((old) => old.key === taint.key && old.effect === taint.effect) ?? taint);
  const after = [...before.filter((taint) => !OWN.includes(taint.key) || wanted.includes(taint)), ...wanted.filter((taint) => !before.includes(taint))];
  if (equal(after, before)) return;
  node["spec"] = { ...node["spec"], taints: after };
  if (after.length === 0) delete node["spec"].taints;
}

function wantedTaints({ spec, status }: KubeObject, now: string): readonly Taint[] {
  const statusOf = (type: string): string | undefined => status?.conditions?.find((condition: any) => condition.type === type)?.status;
  const hold = (name: string): Taint => ({ key: PREFIX + name, effect: "NoSchedule" });
  const evict = (name: string): Taint => ({ key: PREFIX + name, effect: "NoExecute", timeAdded: now });
  const ready = statusOf("Ready");
  return [
    ...(ready === undefined ? [hold("not-ready")] : []),
    ...(ready === "False" ? [hold("not-ready"), evict("not-ready")] : []),
    ...(ready === "Unknown" ? [hold("unreachable"), evict("unreachable")] : []),
    ...byCondition.filter(([type]) => statusOf(type) === "True").map(([, name]) => hold(name)),
    ...(spec?.unschedulable === true ? [hold("unschedulable")] : []),
  ];
}
