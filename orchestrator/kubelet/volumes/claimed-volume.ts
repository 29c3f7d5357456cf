/** The volumes behind a pod's claims: where each is on this node, or why it cannot be had. Decides, and does nothing. */
import type { Cluster, KubeObject } from "../../cluster.ts";
import { isActive } from "../../controllers/pods.ts";
import { claimNameOf, claimNames, foreignClaim, isBound } from "../../storage/claims.ts";
import { isReservedFor, reachesNode } from "../../storage/match.ts";
import { CLAIMS, VOLUMES } from "../../storage/names.ts";
import { StartError } from "../errors.ts";
import { specOf, type VolumeSpec } from "../pod-spec.ts";

export interface ClaimedVolume {
  /** Of the pod. */
  readonly name: string;
  readonly volume: KubeObject;
  readonly path: string;
  /** A type of hostPath; undefined for a local volume, which must be there. */
  readonly hostPathType: string | undefined;
  readonly readOnly: boolean;
}

export function isClaimed({ persistentVolumeClaim, ephemeral }: VolumeSpec): boolean {
  return persistentVolumeClaim !== undefined || ephemeral !== undefined;
}

/** @throws {StartError} `FailedMount` */
export function claimedVolumes(pod: KubeObject, cluster: Pick<Cluster, "get">): readonly ClaimedVolume[] {
  return (specOf(pod).volumes ?? []).filter(isClaimed).map((volume) => claimedVolume(pod, volume, cluster));
}

function claimedVolume(pod: KubeObject, spec: VolumeSpec, cluster: Pick<Cluster, "get">): ClaimedVolume {
  const name = claimNameOf(pod, spec) ?? "";
  const claim = cluster.get(CLAIMS, { namespace: pod.metadata.namespace, name });
  const fail = (why: string): never => {
    throw unmounted(spec.name, `error processing PVC ${pod.metadata.namespace}/${name}: ${why}`);
  };
  if (claim === undefined) return fail(`failed to fetch PVC from API server: persistentvolumeclaims "${name}" not found`);
  const foreign = spec.ephemeral === undefined ? undefined : foreignClaim(pod, claim);
  if (foreign !== undefined) return fail(foreign);
  if (!isBound(claim) || claim.status?.phase !== "Bound") return fail("PVC is not bound");
  const volume = cluster.get(VOLUMES, { namespace: undefined, name: claim.spec.volumeName });
  if (volume === undefined) return fail(`failed to get PV ${claim.spec.volumeName} from API server: persistentvolumes "${claim.spec.volumeName}" not found`);
  if (!isReservedFor(volume, claim)) return fail(`PV ${volume.metadata.name} is bound to another claim`);
  if (volume.spec.volumeMode === "Block") return fail("block volumes cannot be given to containers here: use volumeMode Filesystem");
  const { hostPath, local } = volume.spec;
  if (hostPath === undefined && local === undefined) return fail(`no volume plugin matched for PV ${volume.metadata.name}`);
  const readOnly = spec.persistentVolumeClaim?.readOnly === true;
  return { name: spec.name, volume, path: hostPath?.path ?? local.path, hostPathType: hostPath === undefined ? undefined : (hostPath.type ?? ""), readOnly };
}

/** What holds only before the pod has begun: what runs goes on. @throws {StartError} `FailedMount` */
export function checkFirstUse(pod: KubeObject, volumes: readonly ClaimedVolume[], cluster: Pick<Cluster, "get" | "list">): void {
  if (volumes.length === 0) return;
  const node = cluster.get("nodes", { namespace: undefined, name: specOf(pod).nodeName ?? "" });
  const others = cluster.list("pods", pod.metadata.namespace).filter(({ metadata, spec }) => metadata.uid !== pod.metadata.uid && spec.nodeName);
  for (const { name, volume } of volumes) {
    const claimName: string = volume.spec.claimRef.name;
    const claim = cluster.get(CLAIMS, { namespace: pod.metadata.namespace, name: claimName });
    const fail = (why: string): never => {
      throw unmounted(name, `error processing PVC ${pod.metadata.namespace}/${claimName}: ${why}`);
    };
    if (claim?.metadata.deletionTimestamp !== undefined) fail("can't start pod because PVC is being deleted");
    if (node !== undefined && !reachesNode(volume, node))
      throw new StartError("FailedMount", `MountVolume.NodeAffinity check failed for volume "${volume.metadata.name}" : no matching NodeSelectorTerms`);
    if (claim?.spec.accessModes?.includes("ReadWriteOncePod") && others.some((other) => isActive(other) && claimNames(other).includes(claimName)))
      fail("volume uses the ReadWriteOncePod access mode and is already in use by another pod");
  }
}

function unmounted(volume: string, why: string): StartError {
  return new StartError(
    "FailedMount",
    `Unable to attach or mount volumes: unmounted volumes=[${volume}], unattached volumes=[], failed to process volumes=[${volume}]: ${why}`,
  );
}
