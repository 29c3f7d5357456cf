/** Removes pods that nobody is left to end: those of nodes that are gone. Spec: Kubernetes documentation, "Pod Lifecycle", garbage collection of Pods. */
import type { KubeObject, ObjectKey } from "../cluster.ts";
import { formatTime } from "./clock.ts";
import { keyOf, type Controller } from "./controller.ts";
import { disruptionTarget } from "./disruption/target.ts";
import type { Outcome } from "./loop.ts";
import { isTerminal } from "./pods.ts";
import type { Collaborators } from "./collaborators.ts";

/** A node that is gone may register again. */
const QUARANTINE_MS = 40_000;

export function podGarbage(room: Collaborators): Controller {
  const { cluster } = room;
  /** By node name, since when it is missed: milliseconds. */
  const missed = new Map<string, number>();
  return {
    name: "pod-garbage",
    watches: {
      nodes: ({ type, object }) => {
        missed.delete(object.metadata.name);
        return (type === "DELETED" ? cluster.list("pods").filter(({ spec }) => spec.nodeName === object.metadata.name) : []).map(keyOf);
      },
      // Pods bound to a node that never was, and those that are found at the start.
      pods: ({ type, object, previous }) =>
        type !== "DELETED" && object.spec.nodeName !== previous?.spec.nodeName && isOrphan(room, object) ? [keyOf(object)] : [],
    },
    reconcile: async (key) => await reconcile(key, room, missed),
  };
}

function isOrphan({ cluster }: Collaborators, { spec }: KubeObject): boolean {
  const name: string = spec.nodeName ?? "";
  return name !== "" && cluster.get("nodes", { namespace: undefined, name }) === undefined;
}

async function reconcile(key: ObjectKey, room: Collaborators, missed: Map<string, number>): Promise<Outcome | void> {
  const { cluster, clock } = room;
  const pod = cluster.get("pods", key);
  if (pod === undefined) return;
  const node: string = pod.spec.nodeName ?? "";
  if (!isOrphan(room, pod)) return;
  const since = missed.get(node) ?? clock.now();
  missed.set(node, since);
  const left = since + QUARANTINE_MS - clock.now();
  if (left > 0) return { requeueAfter: left };
  const now = formatTime(clock.now());
  const fail = (current: KubeObject): KubeObject => {
    const marked = disruptionTarget(current, "DeletionByPodGC", "PodGC: node no longer exists", now);
    return { ...marked, status: { ...marked.status, phase: "Failed" } };
  };
  if (!isTerminal(pod)) await cluster.modify("pods", key, fail, { status: true });
  await cluster.delete("pods", key, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } });
}
