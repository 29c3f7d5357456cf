/** Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer. The shell around `toleratedFor`. */
import type { Cluster, KubeObject, ObjectKey, WatchEvent } from "../../cluster.ts";
import { equal } from "../../schema/equal.ts";
import { formatTime } from "../clock.ts";
import { formatKey, keyOf, type Controller } from "../controller.ts";
import { disruptionTarget } from "../disruption/target.ts";
import type { Outcome } from "../loop.ts";
import type { Collaborators } from "../replica-set/reconcile.ts";
import { evictingTaints, toleratedFor } from "./plan.ts";

export function taintEvictionController(room: Collaborators): Controller {
  /** By pod uid, since when its node has taints that send it away: milliseconds. */
  const since = new Map<string, number>();
  return {
    name: "taint-eviction",
    watches: {
      nodes: (event) => podsOf(room.cluster, event),
      pods: ({ object, type }) => (type === "DELETED" || since.has(object.metadata.uid) || isSent(room.cluster, object) ? [keyOf(object)] : []),
    },
    reconcile: async (key) => await reconcile(key, room, since),
  };
}

function podsOf(cluster: Cluster, { type, object, previous }: WatchEvent): readonly ObjectKey[] {
  if (type === "MODIFIED" && equal(evictingTaints(object), evictingTaints(previous))) return [];
  if (type === "ADDED" && evictingTaints(object).length === 0) return [];
  return cluster
    .list("pods")
    .filter(({ spec }) => spec.nodeName === object.metadata.name)
    .map(keyOf);
}

function taintsFor(cluster: Cluster, pod: KubeObject): ReturnType<typeof evictingTaints> {
  return evictingTaints(cluster.get("nodes", { namespace: undefined, name: pod.spec.nodeName ?? "" }));
}

function isSent(cluster: Cluster, pod: KubeObject): boolean {
  return pod.metadata.deletionTimestamp === undefined && taintsFor(cluster, pod).length > 0;
}

async function reconcile(key: ObjectKey, room: Collaborators, since: Map<string, number>): Promise<Outcome | void> {
  const { cluster, clock, recorder } = room;
  const pod = cluster.get("pods", key);
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return forget(cluster, since);
  const { uid } = pod.metadata;
  const taints = taintsFor(cluster, pod);
  const stay = taints.length === 0 ? Infinity : toleratedFor(pod, taints);
  if (stay === Infinity) {
    if (since.delete(uid)) recorder.record(pod, "Normal", "TaintManagerEviction", `Cancelling deletion of Pod ${formatKey(key)}`);
    return;
  }
  const begun = since.get(uid) ?? clock.now();
  since.set(uid, begun);
  const left = begun + stay - clock.now();
  if (left > 0) return { requeueAfter: left };
  recorder.record(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${formatKey(key)}`);
  await evict(pod, room);
}

async function evict(pod: KubeObject, { cluster, clock }: Collaborators): Promise<void> {
  const message = "Taint manager: deleting due to NoExecute taint";
  const mark = (current: KubeObject): KubeObject => disruptionTarget(current, "DeletionByTaintManager", message, formatTime(clock.now()));
  await cluster.modify("pods", keyOf(pod), mark, { status: true });
  await cluster.delete("pods", keyOf(pod), { preconditions: { uid: pod.metadata.uid } });
}

function forget(cluster: Cluster, since: Map<string, number>): void {
  if (since.size === 0) return;
  const live = new Set(cluster.list("pods").flatMap(({ metadata }) => (metadata.deletionTimestamp === undefined ? [metadata.uid] : [])));
  for (const uid of since.keys()) if (!live.has(uid)) since.delete(uid);
}
