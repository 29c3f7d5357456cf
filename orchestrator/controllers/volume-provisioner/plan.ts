/** Volumes as folders of this node: which claims get one, what the volume's object says, and which folder may be removed. Decides, and does nothing. */
import { join } from "node:path";
import type { Draft, KubeObject } from "../../cluster.ts";
import { compareQuantities } from "../../schema/quantity.ts";
import { classNameOf, isBound, requestOf } from "../../storage/claims.ts";
import { isDelayed } from "../../storage/classes.ts";
import { LOCAL_PROVISIONER, PROVISIONED_BY, PROVISIONER_PROTECTION, SELECTED_NODE, STORAGE_PROVISIONER } from "../../storage/names.ts";

export interface Place {
  readonly node: string;
  /** Holds a folder for each volume. */
  readonly folder: string;
}

/** Whether this provisioner is to make the claim's volume, here and now. */
export function isAsked(claim: KubeObject, storageClass: KubeObject | undefined, { node }: Place): boolean {
  const { annotations = {}, deletionTimestamp } = claim.metadata;
  if (storageClass?.["provisioner"] !== LOCAL_PROVISIONER || annotations[STORAGE_PROVISIONER] !== LOCAL_PROVISIONER) return false;
  if (deletionTimestamp !== undefined || (claim.spec.volumeName ?? "") !== "") return false;
  const selected = annotations[SELECTED_NODE];
  return selected === undefined ? !isDelayed(storageClass) : selected === node;
}

/** What the claim wants beyond an empty folder. */
export function cannotProvision({ spec }: KubeObject): string | undefined {
  const source = spec.dataSourceRef ?? spec.dataSource;
  if (source !== undefined) return `volumes start empty here: a copy of ${source.kind} "${source.name}" (spec.dataSource) cannot be made`;
  if (spec.volumeMode === "Block") return "block volumes cannot be provisioned: a folder has no block device";
  return spec.selector === undefined ? undefined : "claim.Spec.Selector is not supported";
}

export function draftVolume(claim: KubeObject, storageClass: KubeObject, place: Place): Draft {
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  const volume = `pvc-${uid}`;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: volume, annotations: { [PROVISIONED_BY]: LOCAL_PROVISIONER }, finalizers: [PROVISIONER_PROTECTION] },
    spec: {
      capacity: { storage: requestOf(claim) },
      accessModes: claim.spec.accessModes,
      claimRef: { apiVersion: "v1", kind: claim.kind, namespace, name, uid, resourceVersion },
      persistentVolumeReclaimPolicy: storageClass["reclaimPolicy"] ?? "Delete",
      storageClassName: classNameOf(claim),
      volumeMode: "Filesystem",
      local: { path: join(place.folder, volume) },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [place.node] }] }] } },
    },
  };
}

export type VolumeFate =
  | { readonly kind: "keep" }
  /** Its object is being deleted, and its data stays: it is only let go. */
  | { readonly kind: "let go" }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "refuse"; readonly message: string };

export function fateOf(volume: KubeObject, { folder }: Place): VolumeFate {
  const { metadata, spec, status } = volume;
  if (metadata.annotations?.[PROVISIONED_BY] !== LOCAL_PROVISIONER) return { kind: "keep" };
  const released = status?.phase === "Released" || status?.phase === "Failed";
  if (released && spec.persistentVolumeReclaimPolicy === "Delete") {
    const path = ownFolder(volume, folder);
    if (path !== undefined) return { kind: "remove", path };
    return { kind: "refuse", message: `volume "${metadata.name}" was not made here: ${spec.local?.path ?? "its data"} is left alone` };
  }
  return metadata.deletionTimestamp !== undefined && status?.phase !== "Bound" ? { kind: "let go" } : { kind: "keep" };
}

/** The volume's own folder below `folder`; undefined when it was not made as `draftVolume` makes them, whatever its annotations say. */
export function ownFolder({ metadata, spec }: KubeObject, folder: string): string | undefined {
  const path = join(folder, metadata.name);
  const made = metadata.annotations?.[PROVISIONED_BY] === LOCAL_PROVISIONER && isFolderName(metadata.name) && spec.local?.path === path;
  return made ? path : undefined;
}

/** As `draftVolume` names them: what else stands beside them is never removed. */
function isFolderName(name: string): boolean {
  return /^pvc-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);
}

/** A bound claim wants more than it has. */
export function wantsGrowth(claim: KubeObject): boolean {
  return isBound(claim) && claim.status?.phase === "Bound" && compareQuantities(requestOf(claim), claim.status.capacity?.storage ?? 0) > 0;
}
