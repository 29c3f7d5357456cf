import { setMember } from "./member.ts";

/** A copy of a JSON value that may be changed; several times faster than `structuredClone`, which can do more. */
export function clone<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => clone(item)) as T;
  const copy: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) setMember(copy, name, clone(part));
  return copy as T;
}
