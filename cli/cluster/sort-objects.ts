/** `get --sort-by PATH`: rows and objects in the order of a field, as kubectl has it. Pure. */
import { compareQuantities, parseQuantity } from "../../orchestrator/schema/quantity.ts";
import { findAll } from "./jsonpath.ts";
import { parseRelaxed } from "./jsonpath-parse.ts";
import type { Found } from "./read-objects.ts";

/** @throws {ExitError} for a path that does not parse */
export function sorted(found: readonly Found[], text: string): readonly Found[] {
  const paths = parseRelaxed(text);
  const order = <T>(list: readonly T[], objectOf: (item: T) => unknown): readonly T[] =>
    list
      .map((item) => ({ item, key: findAll(paths, objectOf(item))[0] }))
      .toSorted((a, b) => compare(a.key, b.key))
      .map(({ item }) => item);
  const tables = found.map((one) => ({ ...one, table: { ...one.table, rows: order(one.table.rows, ({ object }) => object) } }));
  const objects = order(
    found.flatMap((one) => one.objects),
    (object) => object,
  );
  return tables.map((one, index) => ({ ...one, objects: index === 0 ? objects : [] })); // they are one list, whatever their kinds
}

/** What has no such field comes first. */
function compare(left: unknown, right: unknown): number {
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  if (typeof left === "number" && typeof right === "number") return left - right;
  const [a, b] = [textOf(left), textOf(right)];
  return isQuantity(a) && isQuantity(b) ? compareQuantities(a, b) : natural(a, b);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isQuantity(text: string): boolean {
  return parseQuantity(text) !== undefined;
}

/** `pod-2` before `pod-10`. */
function natural(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    if (part === other) continue;
    const numbers = /^\d/.test(part) && /^\d/.test(other);
    if (numbers && Number(part) !== Number(other)) return Number(part) - Number(other);
    return part < other ? -1 : 1;
  }
  return left.length - right.length;
}
