/** The type data as OpenAPI schemas, with the Kubernetes extensions that tell clients how lists merge. */
import { descriptionOf } from "../../schema/descriptions.ts";
import type { Resource } from "../../schema/resource.ts";
import { structOf, type Field, type Scalar } from "../../schema/types.ts";

type Schema = Record<string, unknown>;

const scalarSchemas: Readonly<Record<Scalar, Schema>> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  bytes: { type: "string", format: "byte" },
  quantity: { type: "string" },
  time: { type: "string", format: "date-time" },
  "micro-time": { type: "string", format: "date-time" },
  "int-or-string": { type: "string", format: "int-or-string" },
  strings: { type: "array", items: { type: "string" } },
  any: { type: "object" },
};

/** The kinds and everything that they refer to. */
export function schemasFor(resources: readonly Resource[]): Record<string, Schema> {
  const kinds = new Map(resources.map((resource) => [resource.type, resource]));
  const names = new Set<string>();
  for (const type of kinds.keys()) collect(type, names);
  return Object.fromEntries([...names].toSorted().map((type) => [schemaName(type), schemaOf(type, kinds.get(type))]));
}

export function collect(type: string, names: Set<string>): void {
  if (names.has(type)) return;
  names.add(type);
  for (const { struct } of structOf(type).fields) if (struct !== undefined) collect(struct, names);
}

/** `core/v1.Pod` → `io.k8s.api.core.v1.Pod`. */
export function schemaName(type: string): string {
  const home = type.startsWith("meta/") ? "io.k8s.apimachinery.pkg.apis." : "io.k8s.api.";
  return home + type.replace("/", ".");
}

function schemaOf(type: string, resource: Resource | undefined): Schema {
  const { fields } = structOf(type);
  const required = fields.filter(({ optional, pointer }) => !optional && !pointer).map(({ name }) => name);
  return {
    description: descriptionOf(type),
    type: "object",
    properties: Object.fromEntries(fields.map((field) => [field.name, propertyOf(type, field)])),
    ...(required.length > 0 && { required }),
    ...(resource && { "x-kubernetes-group-version-kind": [{ group: resource.group, version: resource.version, kind: resource.kind }] }),
  };
}

function propertyOf(type: string, field: Field): Schema {
  const described = { description: descriptionOf(type, field.name) };
  const one =
    field.struct === undefined ? scalarSchemas[field.scalar ?? "any"] : { allOf: [{ $ref: `#/components/schemas/${schemaName(field.struct)}` }], default: {} };
  if (field.shape === "one") return { ...described, ...one };
  if (field.shape === "map")
    return { ...described, type: "object", additionalProperties: one, ...(field.topology === "atomic" && { "x-kubernetes-map-type": "atomic" }) };
  return { ...described, type: "array", items: one, ...merging(field) };
}

function merging({ patchMerge, patchRetainKeys, patchKey, topology, listKeys }: Field): Schema {
  const strategy = [...(patchMerge ? ["merge"] : []), ...(patchRetainKeys ? ["retainKeys"] : [])].join(",");
  return {
    "x-kubernetes-list-type": topology === "keyed" ? "map" : topology,
    ...(listKeys.length > 0 && { "x-kubernetes-list-map-keys": listKeys }),
    ...(patchKey !== undefined && { "x-kubernetes-patch-merge-key": patchKey }),
    ...(strategy !== "" && { "x-kubernetes-patch-strategy": strategy }),
  };
}
