/** Joins claims and volumes. One worker for both: a volume is never promised twice. The shell around `planClaim` and `planVolume`. */
import type { Cluster, KubeObject, ObjectKey, WatchEvent } from "../../cluster.ts";
import { claimNames, isBound } from "../../storage/claims.ts";
import { BETA_STORAGE_PROVISIONER, BOUND_BY_CONTROLLER, CLAIMS, CLASSES, STORAGE_PROVISIONER, VOLUMES } from "../../storage/names.ts";
import { formatTime } from "../clock.ts";
import { keyOf, type Controller } from "../controller.ts";
import type { Notice } from "../events.ts";
import type { Outcome } from "../loop.ts";
import type { Collaborators } from "../collaborators.ts";
import { annotated, bind, setVolumePhase, withStatus } from "./bind.ts";
import { planClaim, type ClaimPlan } from "./plan-claim.ts";
import { planVolume } from "./plan-volume.ts";

export function volumeBinder(room: Collaborators): Controller {
  const told: Told = new Map();
  const { cluster } = room;
  return {
    name: "persistentvolume-binder",
    watches: {
      [CLAIMS]: (event) => {
        if (event.type === "DELETED") told.delete(event.object.metadata.uid);
        return [keyOf(event.object), ...volumesNaming(cluster, event.object)];
      },
      [VOLUMES]: (event) => [keyOf(event.object), ...claimsTouched(cluster, event)],
      [CLASSES]: () => unboundClaims(cluster).map(keyOf),
      pods: ({ object, type }) => (type === "MODIFIED" ? [] : claimNames(object).map((name) => ({ namespace: object.metadata.namespace, name }))),
    },
    reconcile: async (key) => (key.namespace === undefined ? await reconcileVolume(key, room) : await reconcileClaim(key, room, told)),
  };
}

/** By uid, the last event of a claim: told again when it is news, or when events of old would be forgotten. */
type Told = Map<string, { readonly message: string; readonly at: number }>;

const TELL_AGAIN_MS = 5 * 60_000;

function unboundClaims(cluster: Cluster): readonly KubeObject[] {
  return cluster.list(CLAIMS).filter((claim) => !isBound(claim));
}

function volumesNaming(cluster: Cluster, { metadata: { namespace, name }, spec }: KubeObject): readonly ObjectKey[] {
  return cluster
    .list(VOLUMES)
    .filter((volume) => (volume.spec.claimRef?.namespace === namespace && volume.spec.claimRef?.name === name) || volume.metadata.name === spec?.volumeName)
    .map(keyOf);
}

/** The one it belongs to; of a volume that is free, or has gone, all that may care. */
function claimsTouched(cluster: Cluster, { type, object }: WatchEvent): readonly ObjectKey[] {
  const { claimRef } = object.spec;
  const named = claimRef === undefined ? [] : [{ namespace: claimRef.namespace, name: claimRef.name }];
  const free = claimRef === undefined && type !== "DELETED";
  const others = cluster.list(CLAIMS).filter((claim) => claim.spec.volumeName === object.metadata.name || (free && !isBound(claim)));
  return [...named, ...others.map(keyOf)];
}

async function reconcileClaim(key: ObjectKey, room: Collaborators, told: Told): Promise<Outcome | void> {
  const { cluster, clock } = room;
  const claim = cluster.get(CLAIMS, key);
  if (claim === undefined) return;
  const pods = cluster.list("pods", key.namespace).filter((pod) => claimNames(pod).includes(key.name));
  const plan = planClaim(claim, { volumes: cluster.list(VOLUMES), classes: cluster.list(CLASSES), pods });
  if (plan.kind === "bind") {
    await bind(cluster, claim, plan.volume, formatTime(clock.now()));
    return;
  }
  await act(claim, plan, cluster);
  if (plan.kind === "assign" || plan.event === undefined) return;
  tell(claim, plan.event, room, told);
  return plan.kind === "wait" ? { requeueAfter: TELL_AGAIN_MS } : {};
}

async function act(claim: KubeObject, plan: Exclude<ClaimPlan, { kind: "bind" }>, cluster: Cluster): Promise<void> {
  const key = keyOf(claim);
  switch (plan.kind) {
    case "assign":
      await cluster.modify(CLAIMS, key, (current) => ({ ...current, spec: { ...current.spec, storageClassName: plan.className } }));
      return;
    case "lost":
      await cluster.modify(CLAIMS, key, (current) => withStatus(current, claim, { phase: "Lost" }), { status: true });
      return;
    case "wait": {
      const { provisioner } = plan;
      if (provisioner !== undefined && claim.metadata.annotations?.[STORAGE_PROVISIONER] !== provisioner) {
        const asked = { [BETA_STORAGE_PROVISIONER]: provisioner, [STORAGE_PROVISIONER]: provisioner };
        await cluster.modify(CLAIMS, key, (current) => ({ ...current, metadata: annotated(current, asked) }));
      }
      await cluster.modify(CLAIMS, key, (current) => withStatus(current, claim, { phase: "Pending" }), { status: true });
    }
  }
}

function tell(claim: KubeObject, { type, reason, message }: Notice, { recorder, clock }: Collaborators, told: Told): void {
  const last = told.get(claim.metadata.uid);
  if (last?.message === message && clock.now() - last.at < TELL_AGAIN_MS) return;
  told.set(claim.metadata.uid, { message, at: clock.now() });
  recorder.record(claim, type, reason, message);
}

async function reconcileVolume(key: ObjectKey, { cluster, clock, recorder }: Collaborators): Promise<void> {
  const volume = cluster.get(VOLUMES, key);
  if (volume === undefined) return;
  const { claimRef } = volume.spec;
  const claim = claimRef === undefined ? undefined : cluster.get(CLAIMS, { namespace: claimRef.namespace, name: claimRef.name });
  const plan = planVolume(volume, claim);
  if (plan.kind === "unbind") await cluster.modify(VOLUMES, key, (current) => unbound(current, plan.whole));
  if (plan.kind !== "phase") return;
  const turned = await setVolumePhase(cluster, volume, plan.phase, plan.message, formatTime(clock.now()));
  if (turned && plan.event !== undefined) recorder.record(volume, plan.event.type, plan.event.reason, plan.event.message);
}

function unbound(volume: KubeObject, whole: boolean): KubeObject {
  const { claimRef, ...spec } = volume.spec;
  if (!whole) return { ...volume, spec: { ...spec, claimRef: { ...claimRef, uid: "" } } };
  const { [BOUND_BY_CONTROLLER]: _, ...annotations } = volume.metadata.annotations ?? {};
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec };
}
