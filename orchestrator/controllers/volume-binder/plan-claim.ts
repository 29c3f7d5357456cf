/** What to do about a claim: which volume it gets, or what it waits for. Decides, and does nothing. Spec: Kubernetes documentation, "Persistent Volumes". */
import type { KubeObject } from "../../cluster.ts";
import { classNameOf } from "../../storage/claims.ts";
import { defaultClass, isDelayed } from "../../storage/classes.ts";
import { findVolume, isReservedFor, mismatch } from "../../storage/match.ts";
import { BIND_COMPLETED, BOUND_BY_CONTROLLER, SELECTED_NODE } from "../../storage/names.ts";
import type { Notice } from "../events.ts";
import { isTerminal } from "../pods.ts";

export type ClaimPlan =
  | { readonly kind: "bind"; readonly volume: KubeObject }
  /** Nobody's class was asked for and there is a default by now. */
  | { readonly kind: "assign"; readonly className: string }
  /** `provisioner`: who is asked to make the volume. */
  | { readonly kind: "wait"; readonly event?: Notice; readonly provisioner?: string }
  | { readonly kind: "lost"; readonly event: Notice };

export interface Surroundings {
  readonly volumes: readonly KubeObject[];
  readonly classes: readonly KubeObject[];
  /** That use the claim. */
  readonly pods: readonly KubeObject[];
}

export function planClaim(claim: KubeObject, around: Surroundings): ClaimPlan {
  if (claim.metadata.annotations?.[BIND_COMPLETED] !== undefined) return planBound(claim, around);
  return (claim.spec.volumeName ?? "") === "" ? planUnbound(claim, around) : planNamed(claim, around);
}

/** It had a volume once: another is never given in its place. */
function planBound(claim: KubeObject, { volumes }: Surroundings): ClaimPlan {
  const lost = (reason: string, message: string): ClaimPlan => ({ kind: "lost", event: { type: "Warning", reason, message } });
  if ((claim.spec.volumeName ?? "") === "") return lost("ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
  const volume = volumes.find(({ metadata }) => metadata.name === claim.spec.volumeName);
  if (volume === undefined) return lost("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  if (volume.spec.claimRef === undefined || volume.spec.claimRef.uid === claim.metadata.uid) return { kind: "bind", volume };
  return lost("ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly");
}

function planUnbound(claim: KubeObject, around: Surroundings): ClaimPlan {
  if (claim.metadata.deletionTimestamp !== undefined) return { kind: "wait" };
  const name = classNameOf(claim);
  const storageClass = around.classes.find(({ metadata }) => metadata.name === name);
  const delayed = isDelayed(storageClass);
  const volume = findVolume(claim, around.volumes, { delayed });
  if (volume !== undefined) return { kind: "bind", volume };
  const fallback = name === undefined ? defaultClass(around.classes) : undefined;
  if (fallback !== undefined) return { kind: "assign", className: fallback.metadata.name };
  if (delayed && claim.metadata.annotations?.[SELECTED_NODE] === undefined) return { kind: "wait", event: consumerAwaited(around.pods) };
  if (name !== undefined && name !== "") return planProvision(name, storageClass);
  return wait("Normal", "FailedBinding", "no persistent volumes available for this claim and no storage class is set");
}

function consumerAwaited(pods: readonly KubeObject[]): Notice {
  const waiting = pods.filter((pod) => !isTerminal(pod)).map(({ metadata }) => metadata.name);
  if (waiting.length === 0) return { type: "Normal", reason: "WaitForFirstConsumer", message: "waiting for first consumer to be created before binding" };
  const names = waiting.length === 1 ? `pod ${waiting[0]}` : `pods ${waiting.toSorted().join(",")}`;
  return { type: "Normal", reason: "WaitForPodScheduled", message: `waiting for ${names} to be scheduled` };
}

function planProvision(name: string, storageClass: KubeObject | undefined): ClaimPlan {
  if (storageClass === undefined) return wait("Warning", "ProvisioningFailed", `storageclass.storage.k8s.io "${name}" not found`);
  const provisioner: string = storageClass["provisioner"];
  if (provisioner.startsWith("kubernetes.io/")) return wait("Warning", "ProvisioningFailed", `no volume plugin matched name: ${provisioner}`);
  const message =
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. ` +
    "If volume creation is delayed, please verify that the provisioner is running and correctly registered.";
  return { kind: "wait", provisioner, event: { type: "Normal", reason: "ExternalProvisioning", message } };
}

/** The user wrote a volume's name. */
function planNamed(claim: KubeObject, { volumes }: Surroundings): ClaimPlan {
  const volume = volumes.find(({ metadata }) => metadata.name === claim.spec.volumeName);
  if (volume === undefined) return { kind: "wait" };
  if (volume.spec.claimRef !== undefined) {
    if (isReservedFor(volume, claim)) return { kind: "bind", volume };
    if (claim.metadata.annotations?.[BOUND_BY_CONTROLLER] !== undefined) return { kind: "wait" };
    return wait("Warning", "FailedBinding", `volume "${volume.metadata.name}" already bound to a different claim.`);
  }
  const problem = mismatch(claim, volume);
  if (problem !== undefined) return wait("Warning", "VolumeMismatch", `Cannot bind to requested volume "${volume.metadata.name}": ${problem}`);
  return { kind: "bind", volume };
}

function wait(type: Notice["type"], reason: string, message: string): ClaimPlan {
  return { kind: "wait", event: { type, reason, message } };
}
