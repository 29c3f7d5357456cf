import { member } from "./member.ts";

/** Equality of JSON values; the order of keys does not count, and undefined is absent. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  return covers(left, right) && Object.keys(right).every((key) => right[key] === undefined || member(left, key) !== undefined);
}

function covers(left: Record<string, unknown>, right: Record<string, unknown>): boolean {
  return Object.keys(left).every((key) => left[key] === undefined || equal(left[key], member(right, key)));
}
