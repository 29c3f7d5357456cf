/** An object of a kind that has no description of its own: its fields as an indented list. Pure. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { annotationLines, controllerLines, formatTime, labelLines } from "./fields.ts";

export function describeAny(object: KubeObject): readonly string[] {
  const { name, namespace, labels, annotations, creationTimestamp } = object.metadata;
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...rest } = object;
  return [
    `Name:\t${name}`,
    ...(namespace === undefined ? [] : [`Namespace:\t${namespace}`]),
    ...labelLines("Labels", labels),
    ...annotationLines("Annotations", annotations),
    `CreationTimestamp:\t${formatTime(creationTimestamp)}`,
    ...controllerLines(object),
    ...lines(rest, 0),
  ];
}

function lines(value: object, depth: number): readonly string[] {
  const indent = "  ".repeat(depth);
  return Object.entries(value).flatMap(([key, field]: [string, unknown]) => {
    const title = titled(key);
    if (typeof field !== "object" || field === null) return [`${indent}${title}:\t${String(field)}`];
    if (Array.isArray(field) && field.every((item) => typeof item !== "object")) return [`${indent}${title}:\t${field.join(", ")}`];
    if (!Array.isArray(field)) return [`${indent}${title}:`, ...lines(field, depth + 1)];
    return [`${indent}${title}:`, ...field.flatMap((item: object, index) => [...(index === 0 ? [] : [""]), ...lines(item, depth + 1)])];
  });
}

/** `updatedReplicas` → `Updated Replicas`; keys that are no field names stay. */
function titled(key: string): string {
  if (!/^[a-zA-Z]+$/.test(key)) return key;
  const spaced = key.replace(/([a-z])([A-Z])/g, "$1 $2");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
