/** What claims say of themselves, and which claims a pod uses. */
import type { KubeObject } from "../cluster.ts";
import { BETA_STORAGE_CLASS, BIND_COMPLETED } from "./names.ts";

export interface PodVolume {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly ephemeral?: { readonly volumeClaimTemplate?: unknown };
}

/** The claim behind a volume of the pod; undefined for volumes of other kinds. */
export function claimNameOf(pod: KubeObject, volume: PodVolume): string | undefined {
  if (volume.ephemeral !== undefined) return `${pod.metadata.name}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}

export function claimNames(pod: KubeObject): readonly string[] {
  const volumes: readonly PodVolume[] = pod.spec?.volumes ?? [];
  return volumes.flatMap((volume) => claimNameOf(pod, volume) ?? []);
}

/** Why a claim of this name is not the one made for the pod's ephemeral volume. */
export function foreignClaim(pod: KubeObject, claim: KubeObject): string | undefined {
  const owned = claim.metadata.ownerReferences?.some(({ uid, controller }) => controller === true && uid === pod.metadata.uid) === true;
  const { namespace, name } = claim.metadata;
  return owned ? undefined : `PVC ${namespace}/${name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`;
}

/** Undefined when the claim leaves it to the default class; empty when it wants none. */
export function classNameOf(object: KubeObject): string | undefined {
  return object.metadata.annotations?.[BETA_STORAGE_CLASS] ?? object.spec?.storageClassName;
}

/** Bound, and both sides know. */
export function isBound({ metadata, spec }: KubeObject): boolean {
  return (spec?.volumeName ?? "") !== "" && metadata.annotations?.[BIND_COMPLETED] !== undefined;
}

export function requestOf(claim: KubeObject): string | number {
  return claim.spec?.resources?.requests?.storage ?? 0;
}

export function capacityOf(volume: KubeObject): string | number {
  return volume.spec?.capacity?.storage ?? 0;
}
