/** Keeps one pod of each DaemonSet on every node that suits. The shell around `planDaemonSet`. */
import { isDeepStrictEqual } from "node:util";
import type { Cluster, KubeObject, ObjectKey, WatchEvent } from "../../cluster.ts";
import { claimAll, keysOfMember, type OwnerKind } from "../claim.ts";
import { keyOf, type Controller } from "../controller.ts";
import type { Outcome } from "../loop.ts";
import { createPod, deletePod } from "../pod-control.ts";
import { nextAvailable } from "../pods.ts";
import type { Collaborators } from "../collaborators.ts";
import { keepHistory, trimHistory, type History } from "../revisions/keep.ts";
import { slowStart } from "../slow-start.ts";
import { writeStatus } from "../write-status.ts";
import { FailedPods } from "./failed-pods.ts";
import { lost, placesOf } from "./nodes.ts";
import { planDaemonSet, type DaemonSetPlan, type Removal } from "./plan.ts";
import { daemonSetStatus } from "./status.ts";
import { draftDaemon, HASH_LABEL } from "./template.ts";

const SETS = "daemonsets.apps";
const OWNERS: OwnerKind = { resource: SETS, kind: "DaemonSet" };

export function daemonSetController(room: Collaborators): Controller {
  const { cluster } = room;
  const failures = new FailedPods();
  return {
    name: "daemonset",
    workers: 2,
    watches: {
      [SETS]: ({ object }) => [keyOf(object)],
      pods: (event) => keysOfMember(cluster, OWNERS, event),
      "controllerrevisions.apps": (event) => (event.type === "DELETED" ? keysOfMember(cluster, OWNERS, event) : []),
      nodes: (event) => (isOnlyHeartbeat(event) ? [] : cluster.list(SETS).map(keyOf)),
    },
    reconcile: async (key) => await reconcile(key, room, failures),
  };
}

function isOnlyHeartbeat({ type, object, previous }: WatchEvent): boolean {
  return type === "MODIFIED" && isDeepStrictEqual([object.metadata.labels, object.spec], [previous?.metadata.labels, previous?.spec]);
}

async function reconcile(key: ObjectKey, room: Collaborators, failures: FailedPods): Promise<Outcome | void> {
  const { cluster, clock } = room;
  const set = cluster.get(SETS, key);
  if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
  const history = await keepHistory(cluster, set, HASH_LABEL);
  const hash = hashOf(history.update);
  const pods = await claimAll(cluster, "pods", set, cluster.list("pods", key.namespace));
  const nodes = cluster.list("nodes");
  const places = placesOf(set, nodes, pods);
  const failedWait = (node: string): number => failures.wait(failureKey(set, node), clock.now());
  const plan = planDaemonSet(set, { places, lost: lost(nodes, pods), hash, failedWait }, clock.now());
  const failure = await act(set, plan, hash, room, failures);
  await writeStatus(cluster, SETS, set, daemonSetStatus(set, places, { hash, collisions: history.collisions, now: clock.now() }));
  await trim(set, history, pods, cluster);
  if (failure !== undefined) throw failure.error;
  const waits = [plan.requeueAfter, nextAvailable(pods, set.spec.minReadySeconds ?? 0, clock.now())].filter((wait) => wait !== undefined);
  return waits.length === 0 ? {} : { requeueAfter: Math.min(...waits) };
}

function hashOf(revision: KubeObject): string {
  return revision.metadata.labels?.[HASH_LABEL] ?? "";
}

function failureKey(set: KubeObject, node: string): string {
  return `${set.metadata.uid}/${node}`;
}

async function trim(set: KubeObject, history: History, pods: readonly KubeObject[], cluster: Cluster): Promise<void> {
  const used = new Set(pods.map(({ metadata }) => metadata.labels?.[HASH_LABEL]));
  const live = history.revisions.filter((revision) => revision === history.update || used.has(hashOf(revision)));
  await trimHistory(cluster, set, history, new Set(live.map(({ metadata }) => metadata.name)));
}

/** The first error, when something failed. */
async function act(
  set: KubeObject,
  { create, remove }: DaemonSetPlan,
  hash: string,
  room: Collaborators,
  failures: FailedPods,
): Promise<{ readonly error: unknown } | undefined> {
  const nodes = [...create];
  try {
    await slowStart(create.length, async () => await createPod(set, draftDaemon(set, hash, nodes.shift() ?? ""), room));
    await Promise.all(remove.map(async (removal) => await removePod(set, removal, room, failures)));
    return undefined;
  } catch (error) {
    return { error };
  }
}

async function removePod(set: KubeObject, { pod, node, ended }: Removal, room: Collaborators, failures: FailedPods): Promise<void> {
  const { clock, recorder } = room;
  const { namespace, name } = pod.metadata;
  if (ended === "Failed") {
    failures.count(failureKey(set, node), clock.now());
    recorder.record(set, "Warning", "FailedDaemonPod", `Found failed daemon pod ${namespace}/${name} on node ${node}, will try to kill it`);
  }
  if (ended === "Succeeded")
    recorder.record(set, "Normal", "SucceededDaemonPod", `Found succeeded daemon pod ${namespace}/${name} on node ${node}, will try to delete it`);
  await deletePod(set, pod, room);
}
