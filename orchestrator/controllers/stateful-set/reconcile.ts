/** Gives each StatefulSet its pods with their names and storage, in order. The shell around `planStatefulSet`. */
import type { Cluster, Draft, KubeObject, ObjectKey } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { CLAIMS } from "../../storage/names.ts";
import { claimAll, keysOfMember, type OwnerKind } from "../claim.ts";
import { hasReason, keyOf, type Controller } from "../controller.ts";
import type { Outcome } from "../loop.ts";
import { isControlledBy } from "../owner.ts";
import { nextAvailable } from "../pods.ts";
import type { Collaborators } from "../collaborators.ts";
import { keepHistory, trimHistory } from "../revisions/keep.ts";
import { templateOf } from "../revisions/plan.ts";
import { writeStatus } from "../write-status.ts";
import { isClaimOf } from "./claims.ts";
import { ordinalOf, revisionOf, type Revision } from "./identity.ts";
import { planStatefulSet, type Action } from "./plan.ts";
import { statefulSetStatus } from "./status.ts";

const SETS = "statefulsets.apps";
const OWNERS: OwnerKind = { resource: SETS, kind: "StatefulSet" };
const HASH_LABEL = "controller.kubernetes.io/hash";

export function statefulSetController(room: Collaborators): Controller {
  const { cluster } = room;
  return {
    name: "statefulset",
    workers: 5,
    watches: {
      [SETS]: ({ object }) => [keyOf(object)],
      pods: (event) => keysOfMember(cluster, OWNERS, event),
      "controllerrevisions.apps": (event) => (event.type === "DELETED" ? keysOfMember(cluster, OWNERS, event) : []),
      [CLAIMS]: ({ type, object }) => (type === "ADDED" ? [] : claimants(cluster, object)),
    },
    reconcile: async (key) => await reconcile(key, room),
  };
}

/** A claim that goes or changes hands may be what a set waits for. */
function claimants(cluster: Cluster, claim: KubeObject): ObjectKey[] {
  return cluster
    .list(SETS, claim.metadata.namespace)
    .filter((set) => isClaimOf(set, claim))
    .map(keyOf);
}

async function reconcile(key: ObjectKey, room: Collaborators): Promise<Outcome | void> {
  const { cluster, clock } = room;
  const set = cluster.get(SETS, key);
  if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
  const pods = await claimPods(set, cluster);
  const history = await keepHistory(cluster, set, HASH_LABEL);
  const update = asRevision(history.update);
  const before = history.revisions.find(({ metadata }) => metadata.name === set.status?.currentRevision);
  const current = before === undefined ? update : asRevision(before);
  const actions = planStatefulSet(set, { pods, claims: cluster.list(CLAIMS, key.namespace), current, update }, clock.now());
  const failure = await doAll(set, actions, room);
  const status = statefulSetStatus(set, { pods, current: current.name, update: update.name, collisions: history.collisions, now: clock.now() });
  await writeStatus(cluster, SETS, set, status);
  await trimHistory(cluster, set, history, new Set([current.name, update.name, ...pods.map((pod) => revisionOf(pod) ?? "")]));
  if (failure !== undefined) throw failure.error;
  const requeueAfter = nextAvailable(pods, set.spec.minReadySeconds ?? 0, clock.now());
  return requeueAfter === undefined ? {} : { requeueAfter };
}

function asRevision(revision: KubeObject): Revision {
  return { name: revision.metadata.name, template: templateOf(revision) };
}

/** Its own, and orphans that bear one of its names. */
async function claimPods(set: KubeObject, cluster: Cluster): Promise<readonly KubeObject[]> {
  const candidates = cluster.list("pods", set.metadata.namespace).filter((pod) => isControlledBy(pod, set) || ordinalOf(set, pod) !== undefined);
  return await claimAll(cluster, "pods", set, candidates);
}

/** Stops at the first that fails, and gives its error back. */
async function doAll(set: KubeObject, actions: readonly Action[], room: Collaborators): Promise<{ readonly error: unknown } | undefined> {
  try {
    for (const action of actions) await act(set, action, room);
    return undefined;
  } catch (error) {
    return { error };
  }
}

async function act(set: KubeObject, action: Action, room: Collaborators): Promise<void> {
  const { cluster } = room;
  switch (action.kind) {
    case "create":
      return await tell(set, "Create", String(action.pod.metadata.name), room, async () => {
        await createClaims(set, String(action.pod.metadata.name), action.claims, room);
        await cluster.create("pods", action.pod);
      });
    case "claim":
      return await createClaims(set, action.pod.metadata.name, action.claims, room);
    case "refuse":
      return await tell(set, "Create", action.pod, room, () => Promise.reject(new Error(`pvc ${action.claim} is being deleted`)));
    case "delete":
      return await tell(set, "Delete", action.pod.metadata.name, room, async () => {
        await cluster.delete("pods", keyOf(action.pod), { preconditions: { uid: action.pod.metadata.uid } });
      });
    case "identify":
      return await tell(set, "Update", action.pod.metadata.name, room, async () => void (await cluster.update("pods", action.pod)));
    case "own":
      return void (await cluster.update(CLAIMS, action.claim));
  }
}

async function createClaims(set: KubeObject, pod: string, claims: readonly Draft[], { cluster, recorder }: Collaborators): Promise<void> {
  for (const claim of claims) {
    const what = `create Claim ${claim.metadata.name} Pod ${pod} in StatefulSet ${set.metadata.name}`;
    try {
      await cluster.create(CLAIMS, claim);
      recorder.record(set, "Normal", "SuccessfulCreate", `${what} success`);
    } catch (error) {
      recorder.record(set, "Warning", "FailedCreate", `${what} failed error: ${messageOf(error)}`);
      throw error;
    }
  }
}

/** Does it and records how it went; a pod that is there already needs no event. */
async function tell(set: KubeObject, verb: "Create" | "Update" | "Delete", pod: string, { recorder }: Collaborators, work: () => Promise<void>): Promise<void> {
  const what = `${verb.toLowerCase()} Pod ${pod} in StatefulSet ${set.metadata.name}`;
  try {
    await work();
    recorder.record(set, "Normal", `Successful${verb}`, `${what} successful`);
  } catch (error) {
    if (!hasReason(error, "AlreadyExists")) recorder.record(set, "Warning", `Failed${verb}`, `${what} failed error: ${messageOf(error)}`);
    throw error;
  }
}
