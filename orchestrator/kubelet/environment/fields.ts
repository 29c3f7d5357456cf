/** The downward API: what a pod may learn of itself. Spec: "Downward API". */
import { availableParallelism, totalmem } from "node:os";
import type { KubeObject } from "../../cluster.ts";
import { parseQuantity } from "../../schema/quantity.ts";
import { StartError } from "../errors.ts";
import { allContainers, specOf, type ContainerSpec, type FieldRef, type ResourceFieldRef } from "../pod-spec.ts";

const SUBSCRIPT = /^metadata\.(labels|annotations)\['([^']+)'\]$/;

/** @throws {StartError} `CreateContainerConfigError` for a path that names nothing */
export function fieldValue(pod: KubeObject, { fieldPath }: FieldRef): string {
  const subscript = SUBSCRIPT.exec(fieldPath);
  if (subscript !== null) return pod.metadata[subscript[1] as "labels"]?.[subscript[2] ?? ""] ?? "";
  const read = FIELDS[fieldPath];
  if (read === undefined) throw new StartError("CreateContainerConfigError", `Cannot read the field ${JSON.stringify(fieldPath)}: unsupported fieldPath`);
  return read(pod);
}

const FIELDS: Readonly<Record<string, (pod: KubeObject) => string>> = {
  "metadata.name": ({ metadata }) => metadata.name,
  "metadata.namespace": ({ metadata }) => metadata.namespace ?? "",
  "metadata.uid": ({ metadata }) => metadata.uid,
  "metadata.labels": ({ metadata }) => formatMap(metadata.labels),
  "metadata.annotations": ({ metadata }) => formatMap(metadata.annotations),
  "spec.nodeName": ({ spec }) => spec.nodeName ?? "",
  "spec.serviceAccountName": ({ spec }) => spec.serviceAccountName ?? "default",
  "status.hostIP": ({ status }) => status?.hostIP ?? "",
  "status.hostIPs": ({ status }) => status?.hostIP ?? "",
  "status.podIP": ({ status }) => status?.podIP ?? "",
  "status.podIPs": ({ status }) => status?.podIP ?? "",
};

/** `key="value"` lines, sorted, as the downward API files have them. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .toSorted()
    .join("\n");
}

/** A limit or request of a container, in units of the divisor, rounded up; what is not limited is the node's. */
export function resourceValue(pod: KubeObject, self: ContainerSpec, { containerName, resource, divisor }: ResourceFieldRef): string {
  const container = allContainers(specOf(pod)).find(({ name }) => name === (containerName ?? self.name)) ?? self;
  const [list = "", name = ""] = resource.split(".");
  const given = container.resources?.[list as "limits"]?.[name] ?? (list === "limits" ? nodeAmount(name) : "0");
  const amount = parseQuantity(given)?.nano ?? 0n;
  const unit = parseQuantity(divisor === undefined || String(divisor) === "0" ? "1" : divisor)?.nano ?? 1_000_000_000n;
  return String((amount + unit - 1n) / unit);
}

function nodeAmount(name: string): string {
  if (name === "cpu") return String(availableParallelism());
  return name === "memory" ? String(totalmem()) : "0";
}
