/**
 * Strategic merge patch: a merge patch that knows the types, so that lists merge item by item.
 * Directives: `$patch`, `$deleteFromPrimitiveList/LIST`, `$setElementOrder/LIST`, `$retainKeys`. Spec: Kubernetes API conventions, "Strategic Merge Patch".
 */
import { badRequest } from "../errors.ts";
import { isRecord } from "../schema/decode.ts";
import { equal } from "../schema/equal.ts";
import { member, setMember } from "../schema/member.ts";
import { structOf, type Field } from "../schema/types.ts";
import { arrange } from "./order.ts";

type Json = Record<string, any>;

const DELETE_FROM = "$deleteFromPrimitiveList/";
const ORDER = "$setElementOrder/";

/** `target` is left as it is. @throws {ApiError} `BadRequest` for a directive that makes no sense */
export function applyStrategicMerge(type: string | undefined, target: Json, patch: Json): Json {
  const { $patch: directive, $retainKeys: retained, ...fields } = patch;
  if (directive === "replace") return fields;
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge") throw badRequest(`Unknown patch type: ${String(directive)}`);
  const result: Json = retained === undefined ? { ...target } : pick(target, retained);
  const struct = type === undefined ? undefined : structOf(type);
  for (const [key, value] of Object.entries(fields)) {
    if (key.startsWith(ORDER)) continue;
    if (key.startsWith(DELETE_FROM)) removeValues(result, key.slice(DELETE_FROM.length), value);
    else if (value === null) delete result[key];
    else setMember(result, key, mergeField(struct?.byName.get(key), member(result, key), value));
  }
  for (const [key, order] of Object.entries(fields))
    if (key.startsWith(ORDER)) reorder(struct?.byName.get(key.slice(ORDER.length)), result, key.slice(ORDER.length), order);
  return result;
}

function mergeField(field: Field | undefined, current: unknown, value: unknown): unknown {
  if (Array.isArray(value)) return mergeList(field, Array.isArray(current) ? current : [], value);
  if (!isRecord(value)) return value;
  return applyStrategicMerge(field?.shape === "one" ? field.struct : undefined, isRecord(current) ? current : {}, value);
}

function mergeList(field: Field | undefined, current: readonly any[], value: readonly any[]): unknown[] {
  if (field === undefined || !field.patchMerge) return value.filter((item) => !isDirective(item));
  if (field.patchKey === undefined) return union(current, value);
  if (value.some((item) => item?.$patch === "replace" && item[field.patchKey!] === undefined)) return value.filter((item) => item?.$patch !== "replace");
  return value.reduce<any[]>((items, item) => mergeItem(field, field.patchKey!, items, item), [...current]);
}

function mergeItem(field: Field, key: string, items: readonly any[], item: any): any[] {
  if (item?.[key] === undefined) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
  const at = items.findIndex((other) => equal(other?.[key], item[key]));
  if (item.$patch === "delete") return items.filter((other) => !equal(other?.[key], item[key]));
  const merged = applyStrategicMerge(field.struct, at < 0 ? {} : items[at], item);
  return at < 0 ? [...items, merged] : items.with(at, merged);
}

function union(current: readonly unknown[], value: readonly unknown[]): unknown[] {
  return [...current, ...value.filter((item) => !current.some((other) => equal(other, item)))];
}

function removeValues(result: Json, name: string, values: unknown): void {
  if (!Array.isArray(values)) throw badRequest(`${DELETE_FROM}${name} must be a list`);
  if (Array.isArray(result[name])) result[name] = result[name].filter((item: unknown) => !values.some((value) => equal(value, item)));
}

function reorder(field: Field | undefined, result: Json, name: string, order: unknown): void {
  if (!Array.isArray(order) || !Array.isArray(result[name])) return;
  const key = field?.patchKey;
  const identify = (item: any): string => JSON.stringify(key === undefined ? item : item?.[key]);
  result[name] = arrange(result[name], order.map(identify), identify);
}

function pick(target: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(target).filter(([name]) => names.includes(name)));
}

function isDirective(item: unknown): boolean {
  return isRecord(item) && item["$patch"] !== undefined && Object.keys(item).length === 1;
}
