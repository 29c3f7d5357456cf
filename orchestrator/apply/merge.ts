/** The heart of server-side apply: lays what is applied over what is there, and takes away what nobody wants any more. */
import { isRecord } from "../schema/decode.ts";
import { arrange } from "../patch/order.ts";
import { emptySet, type FieldSet } from "./field-set.ts";
import { partsOf, type Part, type Shape } from "./shape.ts";

/** `live` is left as it is. */
export function overlay(shape: Shape, live: unknown, applied: unknown): unknown {
  const [old, fresh] = [partsOf(shape, live), partsOf(shape, applied)];
  if (old === undefined || fresh === undefined) return applied;
  if (Array.isArray(applied)) return overlayList(old, fresh);
  const result: Record<string, unknown> = { ...(live as Record<string, unknown>) };
  for (const { element, shape: part, value } of fresh) result[element.slice(2)] = overlay(part, result[element.slice(2)], value);
  return result;
}

function overlayList(old: readonly Part[], fresh: readonly Part[]): unknown[] {
  const merged = new Map(old.map((part) => [part.element, part]));
  for (const part of fresh) merged.set(part.element, { ...part, value: overlay(part.shape, merged.get(part.element)?.value, part.value) });
  const order = fresh.map(({ element }) => element);
  return arrange([...merged.values()], order, ({ element }) => element).map(({ value }) => value);
}

/** Without the fields of `unwanted`, save what is in `kept`. */
export function prune(shape: Shape, value: unknown, unwanted: FieldSet, kept: FieldSet): unknown {
  const parts = partsOf(shape, value);
  if (parts === undefined) return value;
  const left = parts.flatMap((part) => prunePart(part, unwanted.children.get(part.element) ?? emptySet, kept.children.get(part.element)));
  if (Array.isArray(value)) return left.map((part) => part.value);
  const known = new Set(parts.map(({ element }) => element.slice(2)));
  const others = Object.entries(isRecord(value) ? value : {}).filter(([name]) => !known.has(name));
  return Object.fromEntries([...others, ...left.map(({ element, value: item }) => [element.slice(2), item] as const)]);
}

/** A named field of which nobody wants anything any more goes whole, with the defaults that came into it. */
function prunePart(part: Part, unwanted: FieldSet, kept: FieldSet | undefined): Part[] {
  const isWhole = unwanted.member || (part.element.startsWith("f:") && unwanted.children.size > 0);
  if (isWhole && kept === undefined) return [];
  if (unwanted.children.size === 0) return [part];
  const value = prune(part.shape, part.value, unwanted, kept ?? emptySet);
  const emptied = kept === undefined && !part.element.startsWith("k:") && isBare(value);
  return emptied ? [] : [{ ...part, value }];
}

function isBare(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0;
}
