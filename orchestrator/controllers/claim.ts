/** What every owner of objects does alike: it takes what is its own, lets go what no longer is, and is woken by both. The shell around `planClaim`. */
import type { Cluster, KubeObject, ObjectKey, ResourceName, WatchEvent } from "../cluster.ts";
import { matchesSelector, type LabelSelector } from "../schema/selector.ts";
import { keyOf } from "./controller.ts";
import { adopted, controllerOf, planClaim, released } from "./owner.ts";

/** Those of `candidates` that `owner` has now, as they are now. */
export async function claimAll(cluster: Cluster, resource: ResourceName, owner: KubeObject, candidates: readonly KubeObject[]): Promise<readonly KubeObject[]> {
  const { owned, adopt, release } = planClaim(owner, owner.spec.selector, candidates);
  for (const object of release) await cluster.update(resource, released(object, owner));
  const orphans = new Set(adopt);
  return await Promise.all(owned.map(async (object) => (orphans.has(object) ? await cluster.update(resource, adopted(object, owner)) : object)));
}

export interface OwnerKind {
  readonly resource: ResourceName;
  readonly kind: string;
  /** `spec.selector` unless told. */
  readonly selectorOf?: (owner: KubeObject) => LabelSelector | undefined;
}

/** Keys of the owners that an event of a possible member touches: its own, now and before; of an orphan also all that it matches. */
export function keysOfMember(
  cluster: Cluster,
  { resource, kind, selectorOf = ({ spec }) => spec.selector }: OwnerKind,
  { object, previous }: WatchEvent,
): ObjectKey[] {
  const { namespace, labels } = object.metadata;
  const owner = controllerOf(object);
  const owners = [owner, previous && controllerOf(previous)].filter((each) => each?.kind === kind);
  const own = owners.map((each) => ({ namespace, name: each?.name ?? "" }));
  if (owner !== undefined) return own;
  const matching = cluster.list(resource, namespace).filter((each) => matchesSelector(selectorOf(each), labels ?? {}));
  return [...own, ...matching.map(keyOf)];
}
