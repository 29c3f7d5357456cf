/** How ownership splits a value: the parts that can have owners of their own, named as in FieldsV1. Spec: "Server-Side Apply", "Merge strategy". */
import { isRecord } from "../schema/decode.ts";
import { structOf, type Field } from "../schema/types.ts";

/** A struct, the whole of a field, one item of a field; or a leaf, which is owned as one. */
export type Shape = { readonly kind: "struct"; readonly type: string } | { readonly kind: "field"; readonly field: Field } | { readonly kind: "leaf" };

export interface Part {
  /** `f:name`, `k:{"name":"c"}`, `v:"x"`. */
  readonly element: string;
  readonly shape: Shape;
  readonly value: unknown;
}

const leaf: Shape = { kind: "leaf" };

/** Undefined when the value is owned as one. */
export function partsOf(shape: Shape, value: unknown): Part[] | undefined {
  if (shape.kind === "leaf" || value === undefined || value === null) return undefined;
  if (shape.kind === "struct") return isRecord(value) ? structParts(shape.type, value) : undefined;
  return fieldParts(shape.field, value);
}

function structParts(type: string, value: Record<string, unknown>): Part[] {
  const { byName } = structOf(type);
  return Object.entries(value)
    .filter(([name, part]) => part !== undefined && byName.has(name))
    .map(([name, part]) => ({ element: `f:${name}`, shape: shapeOf(byName.get(name)!), value: part }));
}

function fieldParts(field: Field, value: unknown): Part[] | undefined {
  if (field.topology === "granular" && field.shape === "map" && isRecord(value)) {
    return Object.entries(value).map(([key, item]) => ({ element: `f:${key}`, shape: itemShape(field), value: item }));
  }
  if (!Array.isArray(value)) return undefined;
  if (field.topology === "set") return value.map((item) => ({ element: `v:${JSON.stringify(item)}`, shape: leaf, value: item as unknown }));
  return field.topology === "keyed" ? value.map((item) => ({ element: keyElement(field, item), shape: itemShape(field), value: item as unknown })) : undefined;
}

function shapeOf(field: Field): Shape {
  if (field.shape !== "one") return { kind: "field", field };
  return field.struct === undefined || field.topology === "atomic" ? leaf : { kind: "struct", type: field.struct };
}

function itemShape(field: Field): Shape {
  return field.struct === undefined ? leaf : { kind: "struct", type: field.struct };
}

/** The keys that identify an item, sorted by name. */
export function keyElement(field: Field, item: unknown): string {
  const { byName } = structOf(field.struct!);
  const keys = field.listKeys.toSorted().map((name) => [name, (item as Record<string, unknown>)[name] ?? byName.get(name)?.default]);
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}
