/** When a pod must leave a node because of its NoExecute taints. Decides, and does nothing. Spec: Kubernetes documentation, "Taint based evictions". */
import type { KubeObject } from "../../cluster.ts";
import { tolerates, type Taint, type Toleration } from "../../scheduler/taints.ts";

export function evictingTaints(node: KubeObject | undefined): readonly Taint[] {
  const taints: readonly Taint[] = node?.spec?.taints ?? [];
  return taints.filter(({ effect }) => effect === "NoExecute");
}

/**
 * Milliseconds that the pod may stay after the taints were first seen: 0 when one is not tolerated at all, the shortest of the
 * tolerations that are used, Infinity when none of them ends.
 */
export function toleratedFor(pod: KubeObject, taints: readonly Taint[]): number {
  const tolerations: readonly Toleration[] = pod.spec.tolerations ?? [];
  const used = taints.map((taint) => tolerations.filter((toleration) => tolerates([toleration], taint)));
  if (used.some((matching) => matching.length === 0)) return 0;
  const seconds = used.flat().map(({ tolerationSeconds }) => (tolerationSeconds === undefined ? Infinity : Math.max(0, tolerationSeconds)));
  return Math.min(Infinity, ...seconds) * 1000;
}
