/** What every form of output is made from. */
import type { KubeObject } from "../../orchestrator/cluster.ts";

/** What a template makes of objects; of several that it is given one after the other, a header comes once. */
export interface Written {
  write(objects: readonly KubeObject[], single: boolean): string;
}

/** One object, or a list of them. */
export function shownObject(objects: readonly KubeObject[], single: boolean): unknown {
  const value = single ? objects[0] : { apiVersion: "v1", items: objects, kind: "List", metadata: { resourceVersion: "" } };
  return ordered(value);
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== "managedFields");
  return Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([key, field]) => [key, ordered(field)]));
}
