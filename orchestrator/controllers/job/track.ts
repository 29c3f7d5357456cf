/** Puts the tracking finalizer on a pod, and takes it off. */
import type { Cluster, KubeObject } from "../../cluster.ts";
import { isTracked } from "./job-pods.ts";
import { TRACKING } from "./job-spec.ts";

export function withTracking(pod: KubeObject): KubeObject {
  return isTracked(pod) ? pod : { ...pod, metadata: { ...pod.metadata, finalizers: [...(pod.metadata.finalizers ?? []), TRACKING] } };
}

export function withoutTracking(pod: KubeObject): KubeObject {
  if (!isTracked(pod)) return pod;
  const { finalizers = [], ...metadata } = pod.metadata;
  const kept = finalizers.filter((finalizer) => finalizer !== TRACKING);
  return { ...pod, metadata: kept.length === 0 ? metadata : { ...metadata, finalizers: kept } };
}

/** Idempotent; a pod that is gone needs nothing. */
export async function untrack(cluster: Cluster, { metadata }: KubeObject): Promise<void> {
  const key = { namespace: metadata.namespace, name: metadata.name };
  await cluster.modify("pods", key, (current) => (current.metadata.uid === metadata.uid ? withoutTracking(current) : current));
}
