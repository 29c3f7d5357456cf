/** What differs between two values, as sets of fields. */
import { equal } from "../schema/equal.ts";
import { emptySet, fieldsIn, memberOnly, node, type FieldSet } from "./field-set.ts";
import { partsOf, type Part, type Shape } from "./shape.ts";

export interface Difference {
  /** In `after` with another value, or only there. */
  readonly changed: FieldSet;
  /** Only in `before`. */
  readonly removed: FieldSet;
}

const nothing: Difference = { changed: emptySet, removed: emptySet };

export function compare(shape: Shape, before: unknown, after: unknown): Difference {
  if (before === undefined && after === undefined) return nothing;
  if (before === undefined) return { changed: fieldsIn(shape, after), removed: emptySet };
  if (after === undefined) return { changed: emptySet, removed: fieldsIn(shape, before) };
  const [old, fresh] = [partsOf(shape, before), partsOf(shape, after)];
  if (old === undefined || fresh === undefined) return equal(before, after) ? nothing : { changed: memberOnly, removed: emptySet };
  const [olds, freshs] = [byElement(old), byElement(fresh)];
  const elements = [...new Set([...olds.keys(), ...freshs.keys()])];
  const compared = elements.map((element) => [element, comparePart(olds.get(element), freshs.get(element))] as const);
  return {
    changed: node(
      false,
      compared.map(([element, { changed }]) => [element, changed]),
    ),
    removed: node(
      false,
      compared.map(([element, { removed }]) => [element, removed]),
    ),
  };
}

function comparePart(old: Part | undefined, fresh: Part | undefined): Difference {
  const { changed, removed } = compare((fresh ?? old)!.shape, old?.value, fresh?.value);
  const item = (fresh ?? old)!.element.startsWith("k:");
  if (item && old === undefined) return { changed: { ...changed, member: true }, removed };
  return item && fresh === undefined ? { changed, removed: { ...removed, member: true } } : { changed, removed };
}

function byElement(parts: readonly Part[]): ReadonlyMap<string, Part> {
  return new Map(parts.map((part) => [part.element, part]));
}
