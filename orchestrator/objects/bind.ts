/** Gives a pod its node: the one write that a scheduler makes. Spec: Kubernetes API, pods/binding. */
import type { KubeObject } from "../cluster.ts";
import { conflict, notFound } from "../errors.ts";
import type { WriteRequest } from "./request.ts";

/** @throws {ApiError} `NotFound`, `Conflict` when the pod has another node or is being deleted */
export function bindPod({ transaction, resource, namespace, name, now, writer }: WriteRequest, node: string): KubeObject {
  const key = { resource: "pods", namespace, name };
  const pod = transaction.get(key);
  if (pod === undefined) throw notFound(resource, name);
  if (pod.metadata.deletionTimestamp !== undefined) throw conflict(resource, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  const bound = pod.spec.nodeName ?? "";
  if (bound === node) return pod;
  if (bound !== "") throw conflict(resource, name, `pod ${name} is already assigned to node "${bound}"`);
  const others = (pod.status?.conditions ?? []).filter((condition: any) => condition.type !== "PodScheduled");
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: now };
  const next = { ...pod, spec: { ...pod.spec, nodeName: node }, status: { ...pod.status, conditions: [...others, scheduled] } };
  return writer.dryRun ? next : transaction.put(key, next);
}
