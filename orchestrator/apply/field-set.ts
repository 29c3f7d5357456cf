/** Sets of field paths as trees, and their FieldsV1 text. Spec: Kubernetes API reference, ManagedFieldsEntry, FieldsV1. */
import { partsOf, type Shape } from "./shape.ts";

export interface FieldSet {
  /** The path that ends here is in the set. */
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

export type FieldsV1 = { readonly [element: string]: FieldsV1 };

export const emptySet: FieldSet = { member: false, children: new Map() };
export const memberOnly: FieldSet = { member: true, children: new Map() };

/** Everything that `value` says something about. */
export function fieldsIn(shape: Shape, value: unknown): FieldSet {
  const parts = partsOf(shape, value);
  if (parts === undefined || parts.length === 0) return memberOnly;
  return node(
    false,
    parts.map(({ element, shape: part, value: item }) => [element, withItem(element, fieldsIn(part, item))]),
  );
}

/** An item of a list is itself something one owns. */
function withItem(element: string, set: FieldSet): FieldSet {
  return element.startsWith("k:") ? { ...set, member: true } : set;
}

export function node(member: boolean, children: Iterable<readonly [string, FieldSet]>): FieldSet {
  return { member, children: new Map([...children].filter(([, child]) => !isEmpty(child))) };
}

export function isEmpty({ member, children }: FieldSet): boolean {
  return !member && children.size === 0;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (x, y) => x || y);
}

export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (x, y) => x && !y);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (x, y) => x && y);
}

function combine(a: FieldSet, b: FieldSet, keep: (inA: boolean, inB: boolean) => boolean): FieldSet {
  const elements = new Set([...a.children.keys(), ...b.children.keys()]);
  const children = [...elements].map((element) => [element, combine(a.children.get(element) ?? emptySet, b.children.get(element) ?? emptySet, keep)] as const);
  return node(keep(a.member, b.member), children);
}

export function parseFields(fields: FieldsV1): FieldSet {
  const elements = Object.entries(fields).filter(([element]) => element !== ".");
  return node(
    elements.length === 0 || "." in fields,
    elements.map(([element, child]) => [element, parseFields(child)]),
  );
}

export function formatFields({ member, children }: FieldSet): FieldsV1 {
  const sorted = [...children].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([element, child]) => [element, formatFields(child)] as const);
  return Object.fromEntries([...(member && children.size > 0 ? [[".", {}] as const] : []), ...sorted]);
}

/** The paths as people read them: `.spec.containers[name="c"].image`. */
export function pathsOf(set: FieldSet, prefix = ""): string[] {
  const own = set.member && prefix !== "" ? [prefix] : [];
  return [...own, ...[...set.children].flatMap(([element, child]) => pathsOf(child, prefix + readable(element)))];
}

function readable(element: string): string {
  const text = element.slice(2);
  if (element.startsWith("f:")) return `.${text}`;
  if (element.startsWith("v:")) return `[=${text}]`;
  const keys = Object.entries(JSON.parse(text) as Record<string, unknown>).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `[${keys.join(",")}]`;
}
