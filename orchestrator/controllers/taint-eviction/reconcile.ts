/** Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer. The shell around `toleratedFor`. */
import type { Cluster, KubeObject, ObjectKey, WatchEvent } from "../../cluster.ts";
import { equal } from "../../schema/equal.ts";
import { formatTime } from "../clock.ts";
import { formatKey, keyOf, type Controller } from "../controller.ts";
import { disruptionTarget } from "../disruption/target.ts";
import type { Outcome } from "../loop.ts";
import type { Collaborators } from "../collaborators.ts";
import { evictingTaints, toleratedFor } from "./plan.ts";

export function taintEvictionController(room: Collaborators): Controller {
  const sent: Sent = new Map();
  return {
    name: "taint-eviction",
    watches: {
      nodes: (event) => podsOf(room.cluster, event),
      pods: ({ object, type }) => (type === "DELETED" || sent.has(formatKey(keyOf(object))) || isSent(room.cluster, object) ? [keyOf(object)] : []),
    },
    reconcile: async (key) => await reconcile(key, room, sent),
  };
}

/** By pod key, since when the node of this very pod has taints that send it away: milliseconds. */
type Sent = Map<string, { readonly uid: string; readonly since: number }>;

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

async function reconcile(key: ObjectKey, room: Collaborators, sent: Sent): Promise<Outcome | void> {
  const { cluster, clock, recorder } = room;
  const pod = cluster.get("pods", key);
  const name = formatKey(key);
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return void sent.delete(name);
  const { uid } = pod.metadata;
  const before = sent.get(name)?.uid === uid ? sent.get(name) : undefined;
  const taints = taintsFor(cluster, pod);
  const stay = taints.length === 0 ? Infinity : toleratedFor(pod, taints);
  if (stay === Infinity) {
    sent.delete(name);
    if (before !== undefined) recorder.record(pod, "Normal", "TaintManagerEviction", `Cancelling deletion of Pod ${name}`);
    return;
  }
  const since = before?.since ?? clock.now();
  sent.set(name, { uid, since });
  const left = since + stay - clock.now();
  if (left > 0) return { requeueAfter: left };
  recorder.record(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${name}`);
  await evict(pod, room);
}

async function evict(pod: KubeObject, { cluster, clock }: Collaborators): Promise<void> {
  const message = "Taint manager: deleting due to NoExecute taint";
  const mark = (current: KubeObject): KubeObject => disruptionTarget(current, "DeletionByTaintManager", message, formatTime(clock.now()));
  await cluster.modify("pods", keyOf(pod), mark, { status: true });
  await cluster.delete("pods", keyOf(pod), { preconditions: { uid: pod.metadata.uid } });
}
