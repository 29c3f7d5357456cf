/** Visits every struct of a typed value, parents first, so that rules can be rows keyed by type. */
import { structOf, type Field } from "./types.ts";

export type Visit = (type: string, value: Record<string, any>, path: string) => void;

export function walk(type: string, value: Record<string, any>, path: string, visit: Visit): void {
  visit(type, value, path);
  for (const field of structsOf(type)) {
    const part = value[field.name];
    if (part === undefined) continue;
    const at = path === "" ? field.name : `${path}.${field.name}`;
    if (field.shape === "one") walk(field.struct!, part, at, visit);
    else if (field.shape === "list") for (const [index, item] of part.entries()) walk(field.struct!, item, `${at}[${index}]`, visit);
    else for (const [key, item] of Object.entries(part)) walk(field.struct!, item as Record<string, any>, `${at}[${key}]`, visit);
  }
}

const memo = new Map<string, readonly Field[]>();

/** Its fields that hold structs. */
export function structsOf(type: string): readonly Field[] {
  const known = memo.get(type);
  if (known !== undefined) return known;
  const fields = structOf(type).fields.filter((field) => field.struct !== undefined);
  memo.set(type, fields);
  return fields;
}
