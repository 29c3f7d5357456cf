/** Keeps claims that pods use, and volumes that are bound, until they are free. Spec: Kubernetes documentation, "Storage Object in Use Protection". */
import type { Cluster, KubeObject, ObjectKey, ResourceName, WatchEvent } from "../cluster.ts";
import { claimNameOf, claimNames, foreignClaim, type PodVolume } from "../storage/claims.ts";
import { CLAIM_PROTECTION, CLAIMS, VOLUME_PROTECTION, VOLUMES } from "../storage/names.ts";
import { keyOf, type Controller } from "./controller.ts";
import { hasFinalizer, withFinalizer, withoutFinalizer } from "./finalizers.ts";

export function volumeProtection({ cluster }: { readonly cluster: Cluster }): Controller {
  const touched = ({ type, object }: WatchEvent): readonly ObjectKey[] => (type === "DELETED" ? [] : [keyOf(object)]);
  return {
    name: "volume-protection",
    watches: {
      [CLAIMS]: touched,
      [VOLUMES]: touched,
      pods: ({ object }) => claimNames(object).map((name) => ({ namespace: object.metadata.namespace, name })),
    },
    reconcile: async (key) => {
      if (key.namespace === undefined) await protect(cluster, VOLUMES, key, VOLUME_PROTECTION, isVolumeUsed);
      else await protect(cluster, CLAIMS, key, CLAIM_PROTECTION, (claim) => isClaimUsed(claim, cluster.list("pods", key.namespace)));
    },
  };
}

async function protect(cluster: Cluster, resource: ResourceName, key: ObjectKey, finalizer: string, isUsed: (object: KubeObject) => boolean): Promise<void> {
  await cluster.modify(resource, key, (current) => {
    if (current.metadata.deletionTimestamp === undefined) return withFinalizer(current, finalizer);
    return hasFinalizer(current, finalizer) && !isUsed(current) ? withoutFinalizer(current, finalizer) : current;
  });
}

function isVolumeUsed({ status }: KubeObject): boolean {
  return status?.phase === "Bound";
}

/** By a pod that has a node, whether or not it has ended: its files may still be asked for. */
export function isClaimUsed(claim: KubeObject, pods: readonly KubeObject[]): boolean {
  return pods.some((pod) => {
    const volumes: readonly PodVolume[] = pod.spec.volumes ?? [];
    return pod.spec.nodeName && volumes.some((volume) => uses(pod, volume, claim));
  });
}

function uses(pod: KubeObject, volume: PodVolume, claim: KubeObject): boolean {
  if (claimNameOf(pod, volume) !== claim.metadata.name) return false;
  if (volume.ephemeral === undefined) return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  return !(deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0) && foreignClaim(pod, claim) === undefined;
}
