/** Which nodes the terms of a node selector allow. Spec: Kubernetes API reference, "NodeSelector". */
import type { KubeObject } from "../cluster.ts";
import { member } from "./member.ts";

interface Requirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt";
  readonly values?: readonly string[];
}

export interface NodeSelectorTerm {
  readonly matchExpressions?: readonly Requirement[];
  readonly matchFields?: readonly Requirement[];
}

/** One of the terms is enough. */
export function matchesTerms(terms: readonly NodeSelectorTerm[], node: KubeObject): boolean {
  return terms.some((term) => matchesTerm(term, node));
}

/** A term that requires nothing matches nothing. */
export function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: KubeObject): boolean {
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
