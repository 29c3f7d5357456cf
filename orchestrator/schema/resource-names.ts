/** The names under which resources are counted. Spec: Kubernetes documentation, "Resource Management for Pods and Containers", "Resource Quotas". */
import { invalid, type FieldError } from "./field-error.ts";
import type { FieldRule } from "./rules/field-rules.ts";
import { qualifiedNameProblem } from "./names.ts";

const ofContainers: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage"]);
const ofQuotas: ReadonlySet<string> = new Set([
  ...ofContainers,
  ...["cpu", "memory", "ephemeral-storage"].flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  "requests.storage",
  "storage",
  "pods",
  "services",
  "services.nodeports",
  "services.loadbalancers",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
]);

function isHugePages(name: string): boolean {
  return name.startsWith("hugepages-") || name.startsWith("requests.hugepages-");
}

function nameErrors(names: readonly string[], path: string, standard: ReadonlySet<string>, says: string): readonly FieldError[] {
  return names.flatMap((name) => {
    const at = `${path}[${name}]`;
    const problem = qualifiedNameProblem(name);
    if (problem !== undefined) return [invalid(at, name, problem)];
    if (name.includes("/") || isHugePages(name) || standard.has(name)) return [];
    const unknown = ofQuotas.has(name) ? [] : [invalid(at, name, "must be a standard resource type or fully qualified")];
    return [...unknown, invalid(at, name, says)];
  });
}

/** Of requests and limits. */
export const containerResource: FieldRule = (value, path) =>
  nameErrors(Object.keys(value ?? {}), path, ofContainers, "must be a standard resource for containers");

export const quotaResource: FieldRule = (value, path) => {
  const counted = Object.keys(value ?? {}).filter((name) => !name.startsWith("count/"));
  return nameErrors(counted, path, ofQuotas, "must be a standard resource for quota");
};
