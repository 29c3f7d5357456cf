/** Keeps as many pods as each ReplicaSet asks for, and each ReplicationController, its elder. The shell around `planReplicaSet`. */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject, ObjectKey, ResourceName } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { keysOfMember } from "../claim.ts";
import { formatTime } from "../clock.ts";
import type { Collaborators } from "../collaborators.ts";
import { setCondition, withoutCondition, type Condition } from "../conditions.ts";
import { keyOf, type Controller } from "../controller.ts";
import type { Outcome } from "../loop.ts";
import { adopted, released } from "../owner.ts";
import { createPod, deletePod } from "../pod-control.ts";
import { draftPod } from "../pod-template.ts";
import type { LabelSelector } from "../../schema/selector.ts";
import { slowStart } from "../slow-start.ts";
import { planReplicaSet, replicaSetStatus, type ReplicaCounts, type ReplicaSetPlan } from "./plan.ts";

/** The two kinds differ in how they select. */
interface SetKind {
  readonly resource: ResourceName;
  readonly kind: string;
  readonly selectorOf: (set: KubeObject) => LabelSelector;
}

const replicaSets: SetKind = { resource: "replicasets.apps", kind: "ReplicaSet", selectorOf: ({ spec }) => spec.selector };
const replicationControllers: SetKind = {
  resource: "replicationcontrollers",
  kind: "ReplicationController",
  selectorOf: ({ spec }) => ({ matchLabels: spec.selector ?? {} }),
};

export function replicaSetController(room: Collaborators): Controller {
  return setController("replicaset", replicaSets, room);
}

export function replicationController(room: Collaborators): Controller {
  return setController("replicationcontroller", replicationControllers, room);
}

function setController(name: string, sets: SetKind, room: Collaborators): Controller {
  return {
    name,
    workers: 5,
    watches: {
      [sets.resource]: ({ object }) => [keyOf(object)],
      pods: (event) => keysOfMember(room.cluster, sets, event),
    },
    reconcile: async (key) => await reconcile(key, sets, room),
  };
}

async function reconcile(key: ObjectKey, sets: SetKind, room: Collaborators): Promise<Outcome | void> {
  const { cluster, clock } = room;
  const set = cluster.get(sets.resource, key);
  if (set === undefined) return;
  const plan = planReplicaSet(set, cluster.list("pods", key.namespace), clock.now(), sets.selectorOf(set));
  for (const pod of plan.adopt) await cluster.update("pods", adopted(pod, set));
  for (const pod of plan.release) await cluster.update("pods", released(pod, set));
  const failure = await manage(set, plan, room);
  await writeStatus(sets.resource, set, plan.counts, failure, room);
  if (failure !== undefined) throw failure.error;
  return plan.requeueAfter === undefined ? {} : { requeueAfter: plan.requeueAfter };
}

interface Failure {
  readonly reason: "FailedCreate" | "FailedDelete";
  readonly error: unknown;
}

async function manage(set: KubeObject, plan: ReplicaSetPlan, room: Collaborators): Promise<Failure | undefined> {
  try {
    await slowStart(plan.create, async () => await createPod(set, draftPod(set, set.spec.template), room));
  } catch (error) {
    return { reason: "FailedCreate", error };
  }
  try {
    await Promise.all(plan.remove.map(async (pod) => await deletePod(set, pod, room)));
  } catch (error) {
    return { reason: "FailedDelete", error };
  }
  return undefined;
}

async function writeStatus(
  resource: ResourceName,
  set: KubeObject,
  counts: ReplicaCounts,
  failure: Failure | undefined,
  { cluster, clock }: Collaborators,
): Promise<void> {
  await cluster.modify(
    resource,
    keyOf(set),
    (current) => {
      const conditions = failureConditions(current.status?.conditions ?? [], failure, formatTime(clock.now()));
      const status = replicaSetStatus(set, counts, conditions);
      return isDeepStrictEqual(status, current.status) ? current : { ...current, status };
    },
    { status: true },
  );
}

function failureConditions(conditions: readonly Condition[], failure: Failure | undefined, now: string): readonly Condition[] {
  if (failure === undefined) return withoutCondition(conditions, "ReplicaFailure");
  const isKnown = conditions.some(({ type, reason }) => type === "ReplicaFailure" && reason === failure.reason);
  if (isKnown) return conditions; // messages name the pod, another each time: writing that would wake this very set, and no back-off hold
  return setCondition(conditions, { type: "ReplicaFailure", status: "True", reason: failure.reason, message: messageOf(failure.error) }, now);
}
