/** Which nodes a pod's nodeSelector and required node affinity allow. Spec: "Assigning Pods to Nodes". */
import type { KubeObject } from "../cluster.ts";
import { matchesTerm, matchesTerms, type NodeSelectorTerm } from "../schema/node-selector.ts";

/** Some nodes are not allowed. */
export function isChoosy({ spec }: KubeObject): boolean {
  return spec.nodeSelector !== undefined || spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution !== undefined;
}

export function matchesNode(pod: KubeObject, node: KubeObject): boolean {
  const labels = node.metadata.labels ?? {};
  const selector: Readonly<Record<string, string>> = pod.spec.nodeSelector ?? {};
  const terms: readonly NodeSelectorTerm[] | undefined = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return Object.entries(selector).every(([key, value]) => labels[key] === value) && (terms === undefined || matchesTerms(terms, node));
}

export interface Preference {
  readonly weight: number;
  readonly preference: NodeSelectorTerm;
}

export function preferencesOf(pod: KubeObject): readonly Preference[] {
  return pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
}

/** Sum of the weights of the preferred terms that the node meets. */
export function preference(preferred: readonly Preference[], node: KubeObject): number {
  return preferred.filter((term) => matchesTerm(term.preference, node)).reduce((sum, { weight }) => sum + weight, 0);
}
