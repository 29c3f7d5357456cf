/** Puts finalizers on objects and takes them off. An object that is as wanted is given back itself, so that nothing is written. */
import type { KubeObject } from "../cluster.ts";

export function hasFinalizer({ metadata }: KubeObject, finalizer: string): boolean {
  return (metadata.finalizers ?? []).includes(finalizer);
}

export function withFinalizer(object: KubeObject, finalizer: string): KubeObject {
  if (hasFinalizer(object, finalizer)) return object;
  return { ...object, metadata: { ...object.metadata, finalizers: [...(object.metadata.finalizers ?? []), finalizer] } };
}

export function withoutFinalizer(object: KubeObject, finalizer: string): KubeObject {
  if (!hasFinalizer(object, finalizer)) return object;
  const { finalizers = [], ...metadata } = object.metadata;
  const kept = finalizers.filter((one) => one !== finalizer);
  return { ...object, metadata: kept.length === 0 ? metadata : { ...metadata, finalizers: kept } };
}
