/** What the cluster adds to claims and volumes on their way in, and what it asks before a claim may grow. */
import type { KubeObject } from "../cluster.ts";
import { forbidden } from "../errors.ts";
import { compareQuantities } from "../schema/quantity.ts";
import { classNameOf, requestOf } from "../storage/claims.ts";
import { defaultClass } from "../storage/classes.ts";
import { CLAIM_PROTECTION, CLASSES, VOLUME_PROTECTION } from "../storage/names.ts";
import type { WriteRequest } from "./request.ts";

/** Changes `claim`. */
export function admitClaim({ transaction }: WriteRequest, claim: any): void {
  protect(claim, CLAIM_PROTECTION);
  claim.status = { phase: "Pending" };
  const fallback = classNameOf(claim) === undefined ? defaultClass(transaction.list(CLASSES)) : undefined;
  if (fallback !== undefined && claim.spec !== undefined) claim.spec.storageClassName = fallback.metadata.name;
}

/** Changes `volume`. */
export function admitVolume({ now }: WriteRequest, volume: any): void {
  protect(volume, VOLUME_PROTECTION);
  volume.status = { phase: "Pending", lastPhaseTransitionTime: now };
}

function protect({ metadata }: any, finalizer: string): void {
  const finalizers: readonly string[] = metadata.finalizers ?? [];
  if (!finalizers.includes(finalizer)) metadata.finalizers = [...finalizers, finalizer];
}

/** @throws {ApiError} `Forbidden` when a bound claim asks for more than its class gives */
export function admitGrowth({ transaction, resource, name }: WriteRequest, current: KubeObject, next: any): void {
  if (current.status?.phase !== "Bound" || compareQuantities(requestOf(next), requestOf(current)) <= 0) return;
  const storageClass = transaction.get({ resource: CLASSES, namespace: "", name: classNameOf(current) ?? "" });
  if (storageClass?.["allowVolumeExpansion"] === true) return;
  const says = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
  throw forbidden(resource, name, says);
}
