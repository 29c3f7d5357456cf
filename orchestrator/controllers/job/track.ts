/** Puts the tracking finalizer on a pod, and takes it off. */
import type { Cluster, KubeObject } from "../../cluster.ts";
import { withFinalizer, withoutFinalizer } from "../finalizers.ts";
import { TRACKING } from "./job-spec.ts";

export function withTracking(pod: KubeObject): KubeObject {
  return withFinalizer(pod, TRACKING);
}

export function withoutTracking(pod: KubeObject): KubeObject {
  return withoutFinalizer(pod, TRACKING);
}

/** Idempotent; a pod that is gone needs nothing. */
export async function untrack(cluster: Cluster, { metadata }: KubeObject): Promise<void> {
  const key = { namespace: metadata.namespace, name: metadata.name };
  await cluster.modify("pods", key, (current) => (current.metadata.uid === metadata.uid ? withoutTracking(current) : current));
}
