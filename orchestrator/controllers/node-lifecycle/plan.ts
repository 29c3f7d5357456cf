/** Whether a node still lives, by the sign that it last gave. Decides, and does nothing. Spec: Kubernetes documentation, "Nodes", heartbeats. */
import type { KubeObject } from "../../cluster.ts";
import { formatTime, parseTime } from "../clock.ts";
import { findCondition, setCondition, type Condition } from "../conditions.ts";

export interface NodeView {
  readonly node: KubeObject;
  readonly lease: KubeObject | undefined;
  /** Milliseconds since the epoch: before it nobody looked. */
  readonly since: number;
  /** Milliseconds that a node may be silent. */
  readonly grace: number;
  readonly now: number;
}

export interface NodePlan {
  /** What the status should say; undefined when it says it. */
  readonly conditions: readonly Condition[] | undefined;
  /** It was ready until now. */
  readonly lost: boolean;
  /** Milliseconds until it could be lost. */
  readonly requeueAfter: number | undefined;
}

const HEARTBEATS = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/** A node that was silent while nobody looked gets the whole grace from then on. */
export function planNode({ node, lease, since, grace, now }: NodeView): NodePlan {
  const ready = findCondition(node, "Ready");
  const signs = [
    since,
    parseTime(lease?.spec?.renewTime),
    parseTime((ready as { readonly lastHeartbeatTime?: string } | undefined)?.lastHeartbeatTime),
    parseTime(node.metadata.creationTimestamp),
  ];
  const left = Math.max(...signs) + grace - now;
  if (left > 0) return { conditions: undefined, lost: false, requeueAfter: left };
  const before: readonly Condition[] = node.status?.conditions ?? [];
  const silent = HEARTBEATS.filter((type) => findCondition(node, type)?.status !== "Unknown");
  if (silent.length === 0) return { conditions: undefined, lost: false, requeueAfter: undefined };
  const conditions = silent.reduce((all, type) => setCondition(all, unknown(type, findCondition(node, type)), formatTime(now)), before);
  return { conditions, lost: ready?.status === "True", requeueAfter: undefined };
}

function unknown(type: string, before: Condition | undefined): Condition {
  return before === undefined
    ? { type, status: "Unknown", reason: "NodeStatusNeverUpdated", message: "Kubelet never posted node status." }
    : { ...before, status: "Unknown", reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status." };
}
