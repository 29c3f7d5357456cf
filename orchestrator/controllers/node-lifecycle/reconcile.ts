/** Tells nodes that fell silent, and their pods. The shell around `planNode`; the taints follow from the conditions (objects/node-taints.ts). */
import type { KubeObject, ObjectKey } from "../../cluster.ts";
import { formatTime } from "../clock.ts";
import { findCondition, setCondition } from "../conditions.ts";
import { keyOf, type Controller } from "../controller.ts";
import type { Outcome } from "../loop.ts";
import { isReady } from "../pods.ts";
import type { Collaborators } from "../collaborators.ts";
import { planNode } from "./plan.ts";

const LEASES = "leases.coordination.k8s.io";
const LEASE_NAMESPACE = "kube-node-lease";

/** `grace`: milliseconds that a node may be silent. */
export function nodeLifecycleController(room: Collaborators, grace: number): Controller {
  const since = room.clock.now();
  return {
    name: "node-lifecycle",
    watches: {
      // A heartbeat moves nothing but the time of the next look, which comes anyway.
      nodes: ({ type, object, previous }) => (type === "MODIFIED" && readyOf(object) === readyOf(previous) ? [] : [keyOf(object)]),
    },
    reconcile: async (key) => await reconcile(key, room, { since, grace }),
  };
}

function readyOf(node: KubeObject | undefined): string | undefined {
  return node && findCondition(node, "Ready")?.status;
}

async function reconcile(key: ObjectKey, room: Collaborators, pace: { readonly since: number; readonly grace: number }): Promise<Outcome | void> {
  const { cluster, clock, recorder } = room;
  const node = cluster.get("nodes", key);
  if (node === undefined) return;
  const lease = cluster.get(LEASES, { namespace: LEASE_NAMESPACE, name: key.name });
  const plan = planNode({ node, lease, ...pace, now: clock.now() });
  if (plan.conditions !== undefined) {
    await cluster.updateStatus("nodes", { ...node, status: { ...node.status, conditions: plan.conditions } });
    if (plan.lost) {
      recorder.record(node, "Normal", "NodeNotReady", `Node ${key.name} status is now: NodeNotReady`);
      await markPods(key.name, room);
    }
  }
  return plan.requeueAfter === undefined ? {} : { requeueAfter: plan.requeueAfter };
}

/** Nobody knows whether they still serve, so nobody is sent to them. */
async function markPods(node: string, { cluster, clock, recorder }: Collaborators): Promise<void> {
  const now = formatTime(clock.now());
  const mark = (pod: KubeObject): KubeObject => {
    const conditions = setCondition(pod.status?.conditions ?? [], { type: "Ready", status: "False", lastProbeTime: null }, now);
    return { ...pod, status: { ...pod.status, conditions } };
  };
  const ready = cluster.list("pods").filter((pod) => pod.spec.nodeName === node && isReady(pod));
  await Promise.all(ready.map(async (pod) => await cluster.modify("pods", keyOf(pod), mark, { status: true })));
  for (const pod of ready) recorder.record(pod, "Warning", "NodeNotReady", "Node is not ready");
}
