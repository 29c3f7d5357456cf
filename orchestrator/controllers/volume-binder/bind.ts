/** The four writes that join a claim and a volume, volume first: whoever comes back after a crash goes on with the claim. Idempotent. */
import type { Cluster, KubeObject } from "../../cluster.ts";
import { equal } from "../../schema/equal.ts";
import { isReservedFor } from "../../storage/match.ts";
import { BIND_COMPLETED, BOUND_BY_CONTROLLER, CLAIMS, VOLUMES } from "../../storage/names.ts";
import { keyOf } from "../controller.ts";

/** False when the volume is another claim's by now. `now`: RFC 3339. */
export async function bind(cluster: Cluster, claim: KubeObject, volume: KubeObject, now: string): Promise<boolean> {
  const reserved = await cluster.modify(VOLUMES, keyOf(volume), (current) => reserveVolume(current, claim));
  if (reserved?.spec.claimRef?.uid !== claim.metadata.uid) return false;
  await setVolumePhase(cluster, reserved, "Bound", undefined, now);
  await cluster.modify(CLAIMS, keyOf(claim), (current) => completeClaim(current, claim, reserved.metadata.name));
  await cluster.modify(CLAIMS, keyOf(claim), (current) => withStatus(current, claim, boundStatus(current, reserved)), { status: true });
  return true;
}

/** The volume with its reference to the claim; unchanged when it is another's. */
export function reserveVolume(volume: KubeObject, claim: KubeObject): KubeObject {
  const { claimRef } = volume.spec;
  if (claimRef !== undefined && (claimRef.uid === claim.metadata.uid || !isReservedFor(volume, claim))) return volume;
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  const metadata = claimRef === undefined ? annotated(volume, { [BOUND_BY_CONTROLLER]: "yes" }) : volume.metadata;
  return { ...volume, metadata, spec: { ...volume.spec, claimRef: { apiVersion: "v1", kind: claim.kind, namespace, name, uid, resourceVersion } } };
}

function completeClaim(current: KubeObject, { metadata: { uid } }: KubeObject, volume: string): KubeObject {
  if (current.metadata.uid !== uid) return current;
  const chosen = current.spec.volumeName === volume ? {} : { [BOUND_BY_CONTROLLER]: "yes" };
  return { ...current, metadata: annotated(current, { ...chosen, [BIND_COMPLETED]: "yes" }), spec: { ...current.spec, volumeName: volume } };
}

/** The capacity is taken over once: growth is told by whoever makes it. */
function boundStatus({ status }: KubeObject, { spec }: KubeObject): object {
  const capacity = status?.phase === "Bound" ? status.capacity : spec.capacity;
  return { ...status, phase: "Bound", accessModes: spec.accessModes, capacity };
}

export function withStatus(current: KubeObject, { metadata: { uid } }: KubeObject, status: object): KubeObject {
  return current.metadata.uid !== uid || equal(current.status, status) ? current : { ...current, status };
}

export function annotated({ metadata }: KubeObject, annotations: Readonly<Record<string, string>>): KubeObject["metadata"] {
  return { ...metadata, annotations: { ...metadata.annotations, ...annotations } };
}

/** True when it is another phase than before. */
export async function setVolumePhase(cluster: Cluster, volume: KubeObject, phase: string, message: string | undefined, now: string): Promise<boolean> {
  let turned = false;
  await cluster.modify(
    VOLUMES,
    keyOf(volume),
    (current) => {
      turned = current.metadata.uid === volume.metadata.uid && current.status?.phase !== phase;
      return turned ? { ...current, status: { phase, ...(message === undefined ? {} : { message }), lastPhaseTransitionTime: now } } : current;
    },
    { status: true },
  );
  return turned;
}
