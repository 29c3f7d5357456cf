/** Rolls each Deployment towards its template. The shell around `planDeployment`. */
import type { Cluster, KubeObject, ObjectKey, WatchEvent } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { claimAll, keysOfMember } from "../claim.ts";
import { hasReason, keyOf, type Controller } from "../controller.ts";
import type { Outcome } from "../loop.ts";
import { controllerOf, isControlledBy } from "../owner.ts";
import type { Collaborators } from "../collaborators.ts";
import { writeStatus } from "../write-status.ts";
import { annotationsOf, REVISION } from "./annotations.ts";
import { planDeployment, type Action } from "./plan.ts";
import { sameTemplate, sizeOf } from "./sets.ts";

const DEPLOYMENTS = "deployments.apps";
const SETS = "replicasets.apps";

export function deploymentController(room: Collaborators): Controller {
  return {
    name: "deployment",
    workers: 5,
    watches: {
      [DEPLOYMENTS]: ({ object }) => [keyOf(object)],
      [SETS]: (event) => keysOfMember(room.cluster, { resource: DEPLOYMENTS, kind: "Deployment" }, event),
      pods: (event) => recreatingOf(room.cluster, event),
    },
    reconcile: async (key) => await reconcile(key, room),
  };
}

/** Recreate waits for the last old pod to go. */
function recreatingOf(cluster: Cluster, { type, object }: WatchEvent): ObjectKey[] {
  const owner = type === "DELETED" ? controllerOf(object) : undefined;
  const { namespace } = object.metadata;
  const set = owner?.kind === "ReplicaSet" ? cluster.get(SETS, { namespace, name: owner.name }) : undefined;
  const deployment = set && controllerOf(set);
  return deployment === undefined ? [] : [{ namespace, name: deployment.name }];
}

async function reconcile(key: ObjectKey, room: Collaborators): Promise<Outcome | void> {
  const { cluster, clock } = room;
  const deployment = cluster.get(DEPLOYMENTS, key);
  if (deployment === undefined) return;
  const sets = await claimAll(cluster, SETS, deployment, cluster.list(SETS, key.namespace));
  const plan = planDeployment(deployment, sets, cluster.list("pods", key.namespace), clock.now());
  for (const action of plan.actions) await act(deployment, action, room);
  if (plan.revision !== undefined) await annotate(key, String(plan.revision), cluster);
  await writeStatus(cluster, DEPLOYMENTS, deployment, plan.status); // of the generation that was looked at: a newer one is looked at next
  return plan.requeueAfter === undefined ? {} : { requeueAfter: plan.requeueAfter };
}

async function act(deployment: KubeObject, action: Action, room: Collaborators): Promise<void> {
  switch (action.kind) {
    case "create":
      return await createSet(deployment, action, room);
    case "resize":
      return await resizeSet(deployment, action, room);
    case "annotate":
      return await editSet(room.cluster, action.set, (set) => ({
        ...set,
        metadata: { ...set.metadata, annotations: { ...set.metadata.annotations, ...action.annotations } },
        spec: { ...set.spec, minReadySeconds: action.minReadySeconds },
      }));
    case "remove":
      return await room.cluster.delete(SETS, keyOf(action.set), { preconditions: { uid: action.set.metadata.uid } });
  }
}

async function createSet(
  deployment: KubeObject,
  { draft, replicas }: Extract<Action, { kind: "create" }>,
  { cluster, recorder }: Collaborators,
): Promise<void> {
  const name = String(draft.metadata.name);
  try {
    await cluster.create(SETS, draft);
  } catch (error) {
    if (!hasReason(error, "AlreadyExists"))
      recorder.record(deployment, "Warning", "ReplicaSetCreateError", `Failed to create new replica set "${name}": ${messageOf(error)}`);
    else await countCollision(deployment, name, cluster);
    throw error;
  }
  if (replicas > 0) recorder.record(deployment, "Normal", "ScalingReplicaSet", `Scaled up replica set ${name} to ${replicas}`);
}

/** A stranger holds the name: the next hash will be another. */
async function countCollision(deployment: KubeObject, name: string, cluster: Cluster): Promise<void> {
  const other = cluster.get(SETS, { namespace: deployment.metadata.namespace, name });
  if (other !== undefined && isControlledBy(other, deployment) && sameTemplate(other.spec.template, deployment.spec.template)) return;
  const change = (current: KubeObject): KubeObject => ({
    ...current,
    status: { ...current.status, collisionCount: (current.status?.collisionCount ?? 0) + 1 },
  });
  await cluster.modify(DEPLOYMENTS, keyOf(deployment), change, { status: true });
}

async function resizeSet(
  deployment: KubeObject,
  { set, replicas, annotations }: Extract<Action, { kind: "resize" }>,
  { cluster, recorder }: Collaborators,
): Promise<void> {
  const before = sizeOf(set);
  await editSet(cluster, set, (current) => ({
    ...current,
    metadata: { ...current.metadata, annotations: { ...current.metadata.annotations, ...annotations } },
    spec: { ...current.spec, replicas },
  }));
  if (replicas === before) return;
  const direction = replicas > before ? "up" : "down";
  recorder.record(deployment, "Normal", "ScalingReplicaSet", `Scaled ${direction} replica set ${set.metadata.name} to ${replicas} from ${before}`);
}

async function editSet(cluster: Cluster, set: KubeObject, change: (current: KubeObject) => KubeObject): Promise<void> {
  await cluster.modify(SETS, keyOf(set), change);
}

async function annotate(key: ObjectKey, revision: string, cluster: Cluster): Promise<void> {
  await cluster.modify(DEPLOYMENTS, key, (current) =>
    annotationsOf(current)[REVISION] === revision
      ? current
      : { ...current, metadata: { ...current.metadata, annotations: { ...annotationsOf(current), [REVISION]: revision } } },
  );
}
