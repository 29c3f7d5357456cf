/** What every owner of objects does alike: it takes what is its own, lets go what no longer is, and is woken by both. The shell around `planClaim`. */
import type { Cluster, KubeObject, ObjectKey, ResourceName, WatchEvent } from "../cluster.ts";
import { matchesSelector } from "../schema/selector.ts";
import { keyOf } from "./controller.ts";
import { adopted, controllerOf, planClaim, released } from "./owner.ts";

/** Those of `candidates` that `owner` has now, as they are now. */
export async function claimAll(cluster: Cluster, resource: ResourceName, owner: KubeObject, candidates: readonly KubeObject[]): Promise<readonly KubeObject[]> {
  const { owned, adopt, release } = planClaim(owner, owner.spec.selector, candidates);
  for (const object of release) await cluster.update(resource, released(object, owner));
  const orphans = new Set(adopt);
  return await Promise.all(owned.map(async (object) => (orphans.has(object) ? await cluster.update(resource, adopted(object, owner)) : object)));
}

/** Keys of the owners of `kind`, the one before included; undefined when there are none. */
export function ownersOf({ object, previous }: WatchEvent, kind: string): ObjectKey[] | undefined {
  const owners = [controllerOf(object), previous && controllerOf(previous)].filter((owner) => owner?.kind === kind);
  return owners.length === 0 ? undefined : owners.map((owner) => ({ namespace: object.metadata.namespace, name: owner?.name ?? "" }));
}

/** Keys of the `resource` objects whose selector takes an orphan in. */
export function adopters(cluster: Cluster, resource: ResourceName, orphan: KubeObject): ObjectKey[] {
  const { namespace, labels } = orphan.metadata;
  return cluster
    .list(resource, namespace)
    .filter(({ spec }) => matchesSelector(spec.selector, labels ?? {}))
    .map(keyOf);
}
