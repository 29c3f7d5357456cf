/** An object in words: its fields as an indented list, then what happened to it. Decides, and does nothing. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { formatTable } from "./print.ts";

/** `events`: those about the object. `now` in milliseconds since the epoch. */
export function describeObject(object: KubeObject, events: readonly KubeObject[], now: number): string {
  const { name, namespace, labels, annotations, creationTimestamp, ownerReferences } = object.metadata;
  const owner = ownerReferences?.find(({ controller }) => controller === true);
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...rest } = object;
  const head = {
    Name: name,
    ...(namespace === undefined ? {} : { Namespace: namespace }),
    Labels: pairs(labels),
    Annotations: pairs(annotations),
    Created: creationTimestamp,
    ...(owner === undefined ? {} : { "Controlled By": `${owner.kind}/${owner.name}` }),
  };
  return [...lines(head, 0), ...lines(rest, 0), ...eventLines(events, now)].join("\n") + "\n";
}

function pairs(map: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(map ?? {}).filter(([key]) => key !== "kubectl.kubernetes.io/last-applied-configuration");
  return entries.length === 0 ? "<none>" : entries.map(([key, value]) => `${key}=${value}`).join(", ");
}

function lines(value: object, depth: number): readonly string[] {
  const indent = "  ".repeat(depth);
  return Object.entries(value).flatMap(([key, field]: [string, unknown]) => {
    const title = titled(key);
    if (typeof field !== "object" || field === null) return [`${indent}${`${title}:`.padEnd(16)} ${String(field)}`];
    if (Array.isArray(field) && field.every((item) => typeof item !== "object")) return [`${indent}${`${title}:`.padEnd(16)} ${field.join(", ")}`];
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

function eventLines(events: readonly KubeObject[], now: number): readonly string[] {
  if (events.length === 0) return ["Events: <none>"];
  const columnDefinitions = ["Type", "Reason", "Age", "From", "Message"].map((name) => ({ name, priority: 0 }));
  const rows = events
    .toSorted((left, right) => timeOf(left) - timeOf(right))
    .map((event) => ({ cells: [event["type"], event["reason"], ageOf(event, now), event["source"]?.component ?? "", event["message"]] }));
  const table = formatTable({ columnDefinitions, rows }, { wide: false, namespaces: false, headers: true });
  return [
    "Events:",
    ...table
      .trimEnd()
      .split("\n")
      .map((line) => `  ${line}`),
  ];
}

function timeOf(event: KubeObject): number {
  return Date.parse(event["lastTimestamp"] ?? event.metadata.creationTimestamp);
}

function ageOf(event: KubeObject, now: number): string {
  const age = short(now - timeOf(event));
  const count: number = event["count"] ?? 1;
  return count > 1 ? `${age} (x${count} over ${short(now - Date.parse(event["firstTimestamp"]))})` : age;
}

function short(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return seconds < 120 ? `${seconds}s` : seconds < 7200 ? `${Math.floor(seconds / 60)}m` : `${Math.floor(seconds / 3600)}h`;
}
