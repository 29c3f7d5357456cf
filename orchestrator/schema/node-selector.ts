/** Which nodes a pod's nodeSelector and required node affinity allow. Spec: "Assigning Pods to Nodes". */
import type { KubeObject } from "../cluster.ts";
import { member } from "../schema/member.ts";

interface Requirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt";
  readonly values?: readonly string[];
}

interface Term {
  readonly matchExpressions?: readonly Requirement[];
  readonly matchFields?: readonly Requirement[];
}

export function matchesNode(pod: KubeObject, node: KubeObject): boolean {
  const labels = node.metadata.labels ?? {};
  const selector: Readonly<Record<string, string>> = pod.spec.nodeSelector ?? {};
  const terms: readonly Term[] | undefined = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return Object.entries(selector).every(([key, value]) => labels[key] === value) && (terms === undefined || matchesTerms(terms, node));
}

/** One of the terms is enough. */
export function matchesTerms(terms: readonly Term[], node: KubeObject): boolean {
  return terms.some((term) => matchesTerm(term, node));
}

/** Sum of the weights of the preferred terms that the node meets. */
export function preference(pod: KubeObject, node: KubeObject): number {
  const preferred: readonly { readonly weight: number; readonly preference: Term }[] =
    pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return preferred.filter((term) => matchesTerm(term.preference, node)).reduce((sum, { weight }) => sum + weight, 0);
}

/** A term that requires nothing matches nothing. */
function matchesTerm({ matchExpressions = [], matchFields = [] }: Term, node: KubeObject): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  return (
    matchExpressions.every((requirement) => meets(member(labels, requirement.key), requirement)) &&
    matchFields.every((requirement) => meets(requirement.key === "metadata.name" ? node.metadata.name : undefined, requirement))
  );
}

function meets(value: string | undefined, { operator, values = [] }: Requirement): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return Number(value) > Number(values[0]);
    case "Lt":
      return Number(value) < Number(values[0]);
  }
}
