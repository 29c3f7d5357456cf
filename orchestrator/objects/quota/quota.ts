/** Which objects a quota counts, and how much of it they use. Decides, and does nothing. Spec: Kubernetes documentation, "Resource Quotas", scopes. */
import type { KubeObject, ResourceName } from "../../cluster.ts";
import { qosClass } from "../pod-resources.ts";
import { count, plus, type Amounts } from "./amounts.ts";
import { usageOf } from "./usage.ts";

type Lister = (resource: ResourceName, namespace: string) => readonly KubeObject[];

/** The resource whose objects a counted name is of. */
export function countedResource(name: string): ResourceName {
  if (name.startsWith("count/")) return name.slice("count/".length);
  if (name.endsWith("persistentvolumeclaims") || name.endsWith("requests.storage")) return "persistentvolumeclaims";
  if (name.startsWith("services")) return "services";
  return ["configmaps", "secrets", "replicationcontrollers", "resourcequotas"].includes(name) ? name : "pods";
}

/** Of everything in the namespace, for the names that the quota limits. */
export function usedOf(quota: KubeObject, list: Lister): Amounts {
  const names = Object.keys(quota.spec?.hard ?? {});
  const resources = [...new Set(names.map(countedResource))];
  let total: Amounts = {};
  for (const resource of resources)
    for (const object of list(resource, quota.metadata.namespace ?? "")) if (covers(quota, resource, object)) total = plus(total, usageOf(resource, object));
  return Object.fromEntries(names.map((name) => [name, total[name] ?? count(0)]));
}

/** Scopes are of pods alone: a quota with scopes counts nothing else. */
export function covers({ spec }: KubeObject, resource: ResourceName, object: KubeObject): boolean {
  const scopes: readonly Scope[] = [
    ...(spec?.scopes ?? []).map((scopeName: string) => ({ scopeName, operator: "Exists" })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
  return scopes.length === 0 || (resource === "pods" && scopes.every((scope) => isWithin(object, scope)));
}

interface Scope {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

function isWithin({ spec }: KubeObject, { scopeName, operator, values = [] }: Scope): boolean {
  switch (scopeName) {
    case "Terminating":
      return spec.activeDeadlineSeconds !== undefined;
    case "NotTerminating":
      return spec.activeDeadlineSeconds === undefined;
    case "BestEffort":
      return qosClass(spec) === "BestEffort";
    case "NotBestEffort":
      return qosClass(spec) !== "BestEffort";
    case "PriorityClass":
      return hasPriority(spec.priorityClassName ?? "", operator, values);
    default:
      return false;
  }
}

function hasPriority(name: string, operator: string, values: readonly string[]): boolean {
  if (operator === "Exists") return name !== "";
  if (operator === "DoesNotExist") return name === "";
  return values.includes(name) === (operator === "In");
}
