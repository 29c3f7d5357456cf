/** How many pods the controller of a pod wants: what percentages of a budget are of. */
import type { Cluster, KubeObject, OwnerReference } from "../../cluster.ts";
import { nameOf } from "../../schema/resource.ts";
import { resourceOfKind } from "../../schema/resources.ts";
import { findOwner } from "../find-owner.ts";
import { controllerOf } from "../owner.ts";

export type OwnerScale =
  | { readonly kind: "scale"; readonly uid: string; readonly replicas: number }
  /** The pod has no controller. */
  | { readonly kind: "none" }
  | { readonly kind: "problem"; readonly problem: string };

type Reader = Pick<Cluster, "get">;

/** A ReplicaSet of a Deployment speaks for the Deployment: during a rollout there are several. */
export function ownerScale(cluster: Reader, pod: KubeObject): OwnerScale {
  const reference = controllerOf(pod);
  if (reference === undefined) return { kind: "none" };
  const owner = ownerOf(cluster, pod, reference);
  if (owner === undefined) return { kind: "problem", problem: `found no controllers for pod ${JSON.stringify(pod.metadata.name)}` };
  const above = owner.kind === "ReplicaSet" ? controllerOf(owner) : undefined;
  const deployment = above?.kind === "Deployment" ? ownerOf(cluster, owner, above) : undefined;
  const scaled = deployment ?? owner;
  const row = resourceOfKind(scaled.apiVersion, scaled.kind);
  if (row?.scales !== true) return { kind: "problem", problem: `${row === undefined ? scaled.kind : nameOf(row)} does not implement the scale subresource` };
  return { kind: "scale", uid: scaled.metadata.uid, replicas: scaled.spec.replicas ?? 1 };
}

function ownerOf(cluster: Reader, dependent: KubeObject, reference: OwnerReference): KubeObject | undefined {
  const found = findOwner(cluster, dependent, reference);
  return found === "unknown" ? undefined : found;
}
