/** Who owns what: controller references, adoption and release. */
import type { KubeObject, OwnerReference } from "../cluster.ts";
import { matchesSelector, type LabelSelector } from "../schema/selector.ts";

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

export interface Claim {
  /** Owned and matching, once `adopt` is done. */
  readonly owned: readonly KubeObject[];
  /** Matching orphans. */
  readonly adopt: readonly KubeObject[];
  /** Owned, but no longer matching. */
  readonly release: readonly KubeObject[];
}

/** What an owner takes and lets go; an owner that is being deleted adopts nothing. */
export function planClaim(owner: KubeObject, selector: LabelSelector, candidates: readonly KubeObject[]): Claim {
  const matches = (object: KubeObject): boolean => matchesSelector(selector, object.metadata.labels ?? {});
  const own = candidates.filter((object) => isControlledBy(object, owner));
  const adopt =
    owner.metadata.deletionTimestamp === undefined
      ? candidates.filter((object) => controllerOf(object) === undefined && object.metadata.deletionTimestamp === undefined && matches(object))
      : [];
  return {
    owned: [...own.filter(matches), ...adopt],
    adopt,
    release: own.filter((object) => !matches(object) && object.metadata.deletionTimestamp === undefined),
  };
}

export function adopted(object: KubeObject, owner: KubeObject): KubeObject {
  return withOwners(object, [...(object.metadata.ownerReferences ?? []), controllerReference(owner)]);
}

export function released(object: KubeObject, owner: KubeObject): KubeObject {
  return withOwners(
    object,
    (object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== owner.metadata.uid),
  );
}

function withOwners(object: KubeObject, ownerReferences: readonly OwnerReference[]): KubeObject {
  const { ownerReferences: _, ...metadata } = object.metadata;
  return { ...object, metadata: ownerReferences.length === 0 ? metadata : { ...metadata, ownerReferences } };
}
