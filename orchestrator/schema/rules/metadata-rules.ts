/** What every object asks of its metadata. Spec: Kubernetes documentation, "Object Names and IDs", "Owners and Dependents", "Finalizers". */
import type { KubeObject, OwnerReference } from "../../cluster.ts";
import { invalid, required, type FieldError } from "../field-error.ts";
import { validateAnnotations, validateLabels } from "../labels.ts";
import { labelProblem, pathSegmentProblem, qualifiedNameProblem, serviceNameProblem, subdomainProblem } from "../names.ts";
import { nameOf, type Resource } from "../resource.ts";

type NameRule = (name: string) => string | undefined;

/** Names that are stricter, or freer, than a DNS subdomain. */
const nameRules: Readonly<Record<string, NameRule>> = {
  namespaces: labelProblem,
  services: serviceNameProblem,
  "statefulsets.apps": labelProblem,
  ...Object.fromEntries(
    ["roles", "rolebindings", "clusterroles", "clusterrolebindings"].map((resource) => [`${resource}.rbac.authorization.k8s.io`, pathSegmentProblem]),
  ),
};

export function validateMetadata(resource: Resource, { metadata }: KubeObject): readonly FieldError[] {
  const problemOf = nameRules[nameOf(resource)] ?? subdomainProblem;
  const { name, generateName, labels, annotations, ownerReferences = [], finalizers = [] } = metadata;
  return [
    ...(generateName === undefined ? [] : found("metadata.generateName", generateName, problemOf(asPrefix(generateName)))),
    ...(name === "" ? [required("metadata.name", "name or generateName is required")] : found("metadata.name", name, problemOf(name))),
    ...validateLabels(labels, "metadata.labels"),
    ...validateAnnotations(annotations, "metadata.annotations"),
    ...validateOwners(ownerReferences, "metadata.ownerReferences"),
    ...validateFinalizers(finalizers, "metadata.finalizers"),
  ];
}

function found(field: string, value: string, problem: string | undefined): readonly FieldError[] {
  return problem === undefined ? [] : [invalid(field, value, problem)];
}

/** What is made of it ends with other characters, so a hyphen at its end is none at theirs. */
function asPrefix(generateName: string): string {
  return generateName.length > 1 && generateName.endsWith("-") ? `${generateName.slice(0, -2)}a` : generateName;
}

const empty = [
  ["apiVersion", "version must not be empty"],
  ["kind", "must not be empty"],
  ["name", "must not be empty"],
  ["uid", "must not be empty"],
] as const;

/** All are told under the path of the list. */
function validateOwners(owners: readonly OwnerReference[], path: string): readonly FieldError[] {
  const controllers = owners.filter(({ controller }) => controller === true).map(({ kind, name }) => `${kind}/${name}`);
  return [
    ...owners.flatMap((owner) => [
      ...empty.filter(([field]) => (owner[field] ?? "") === "").map(([field, says]) => invalid(`${path}.${field}`, "", says)),
      ...(owner.apiVersion === "v1" && owner.kind === "Event" ? [invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner")] : []),
    ]),
    ...controllers
      .slice(1)
      .map((other) =>
        invalid(path, owners, `Only one reference can have Controller set to true. Found "true" in references for ${controllers[0]} and ${other}`),
      ),
  ];
}

/** These need no domain before them. */
const plainFinalizers: ReadonlySet<string> = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

function validateFinalizers(finalizers: readonly string[], path: string): readonly FieldError[] {
  return [
    ...finalizers.flatMap((name) => found(path, name, qualifiedNameProblem(name))),
    ...(finalizers.includes("orphan") && finalizers.includes("foregroundDeletion")
      ? [invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set")]
      : []),
    ...finalizers.flatMap((name, index) =>
      name.includes("/") || plainFinalizers.has(name)
        ? []
        : [invalid(`${path}[${index}]`, name, "name is neither a standard finalizer name nor is it fully qualified")],
    ),
  ];
}
