/** The phase of a volume, and what becomes of it when its claim goes. Decides, and does nothing. Spec: Kubernetes documentation, "Persistent Volumes", Reclaiming. */
import type { KubeObject } from "../../cluster.ts";
import { BOUND_BY_CONTROLLER, PROVISIONED_BY } from "../../storage/names.ts";
import type { Notice } from "../events.ts";

export type VolumePlan =
  | { readonly kind: "phase"; readonly phase: VolumePhase; readonly message?: string; readonly event?: Notice }
  /** Its claim took another volume: the reservation is taken back, whole or down to the names that the user wrote. */
  | { readonly kind: "unbind"; readonly whole: boolean }
  /** The claim's turn. */
  | { readonly kind: "await claim" };

export type VolumePhase = "Available" | "Bound" | "Released" | "Failed";

/** `claim`: the one that the volume names, whatever its uid. */
export function planVolume(volume: KubeObject, claim: KubeObject | undefined): VolumePlan {
  const { claimRef } = volume.spec;
  if (claimRef === undefined || (claimRef.uid ?? "") === "") return { kind: "phase", phase: "Available" };
  if (claim === undefined || claim.metadata.uid !== claimRef.uid) return planReclaim(volume);
  const named: string = claim.spec.volumeName ?? "";
  if (named === "") return { kind: "await claim" };
  if (named === volume.metadata.name) return { kind: "phase", phase: "Bound" };
  const { annotations = {} } = volume.metadata;
  if (annotations[PROVISIONED_BY] !== undefined && volume.spec.persistentVolumeReclaimPolicy === "Delete") return planReclaim(volume);
  return { kind: "unbind", whole: annotations[BOUND_BY_CONTROLLER] !== undefined };
}

/** What was provisioned its provisioner deletes; what somebody else made is never removed from here. */
function planReclaim({ metadata, spec }: KubeObject): VolumePlan {
  switch (spec.persistentVolumeReclaimPolicy) {
    case "Recycle":
      return failed("VolumeFailedRecycle", "No recycler plugin found for the volume!");
    case "Delete":
      if (metadata.annotations?.[PROVISIONED_BY] !== undefined) return { kind: "phase", phase: "Released" };
      return failed("VolumeFailedDelete", `error getting deleter volume plugin for volume "${metadata.name}": no deletable volume plugin matched`);
    default:
      return { kind: "phase", phase: "Released" };
  }
}

function failed(reason: string, message: string): VolumePlan {
  return { kind: "phase", phase: "Failed", message, event: { type: "Warning", reason, message } };
}
