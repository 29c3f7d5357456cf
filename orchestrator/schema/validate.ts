/** Runs the table of rules over an object: the metadata, then every struct, then what only the whole object can tell. */
import type { KubeObject } from "../cluster.ts";
import { invalid, required, type FieldError } from "./field-error.ts";
import { validateAnnotations, validateLabels } from "./labels.ts";
import { labelProblem, serviceNameProblem, subdomainProblem } from "./names.ts";
import { nameOf, type Resource } from "./resource.ts";
import { structRules } from "./rules.ts";
import { walk } from "./walk.ts";

/** Names that are stricter, or freer, than a DNS subdomain. */
const nameRules: Readonly<Record<string, (name: string) => string | undefined>> = {
  namespaces: labelProblem,
  services: serviceNameProblem,
  ...Object.fromEntries(
    ["roles", "rolebindings", "clusterroles", "clusterrolebindings"].map((resource) => [`${resource}.rbac.authorization.k8s.io`, pathSegmentProblem]),
  ),
};

export function validate(resource: Resource, object: KubeObject): FieldError[] {
  const errors = validateMetadata(resource, object);
  walk(resource.type, object, "", (type, value, path) => {
    for (const rule of structRules[type] ?? []) errors.push(...rule(value, path));
  });
  return errors;
}

function validateMetadata(resource: Resource, { metadata }: KubeObject): FieldError[] {
  const nameProblem = (nameRules[nameOf(resource)] ?? subdomainProblem)(metadata.name);
  return [
    ...(metadata.name === ""
      ? [required("metadata.name", "name or generateName is required")]
      : nameProblem === undefined
        ? []
        : [invalid("metadata.name", metadata.name, nameProblem)]),
    ...validateLabels(metadata.labels, "metadata.labels"),
    ...validateAnnotations(metadata.annotations, "metadata.annotations"),
  ];
}

function pathSegmentProblem(name: string): string | undefined {
  return name === "." || name === ".." || /[/%]/.test(name) ? "may not be '.' or '..', or contain '/' or '%'" : undefined;
}
