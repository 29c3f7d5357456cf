/** The object that an owner reference names. */
import type { Cluster, KubeObject, OwnerReference } from "../cluster.ts";
import { nameOf } from "../schema/resource.ts";
import { resourceOfKind } from "../schema/resources.ts";

/**
 * Undefined when it is gone, or another has its name; an owner in another namespace is none. `unknown` when its kind is not served here,
 * or is in a namespace while the dependent is not.
 */
export function findOwner(cluster: Pick<Cluster, "get">, dependent: KubeObject, reference: OwnerReference): KubeObject | undefined | "unknown" {
  const row = resourceOfKind(reference.apiVersion, reference.kind);
  if (row === undefined || (row.namespaced && dependent.metadata.namespace === undefined)) return "unknown";
  const found = cluster.get(nameOf(row), { namespace: row.namespaced ? dependent.metadata.namespace : undefined, name: reference.name });
  return found?.metadata.uid === reference.uid ? found : undefined;
}
