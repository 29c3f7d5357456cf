/** Which nodes a pod's nodeSelector and required node affinity allow. Spec: "Assigning Pods to Nodes". */
import type { KubeObject } from "../cluster.ts";
import { matchesTerm, matchesTerms, type NodeSelectorTerm } from "../schema/node-selector.ts";

export function matchesNode(pod: KubeObject, node: KubeObject): boolean {
  const labels = node.metadata.labels ?? {};
  const selector: Readonly<Record<string, string>> = pod.spec.nodeSelector ?? {};
  const terms: readonly NodeSelectorTerm[] | undefined = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return Object.entries(selector).every(([key, value]) => labels[key] === value) && (terms === undefined || matchesTerms(terms, node));
}

/** Sum of the weights of the preferred terms that the node meets. */
export function preference(pod: KubeObject, node: KubeObject): number {
  const preferred: readonly { readonly weight: number; readonly preference: NodeSelectorTerm }[] =
    pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return preferred.filter((term) => matchesTerm(term.preference, node)).reduce((sum, { weight }) => sum + weight, 0);
}
