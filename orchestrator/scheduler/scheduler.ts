/** Gives each pod without a node one. One worker: a decision sees all decisions before it. The shell around `chooseNode`. */
import { keyOf, type Controller } from "../controllers/controller.ts";
import { formatTime } from "../controllers/clock.ts";
import { setCondition } from "../controllers/conditions.ts";
import type { Outcome } from "../controllers/loop.ts";
import type { Collaborators } from "../controllers/replica-set/reconcile.ts";
import { formatKey, parseKey } from "../controllers/controller.ts";
import type { KubeObject, ObjectKey, WatchEvent } from "../cluster.ts";
import { chooseNode } from "./choose.ts";
import { Ledger } from "./ledger.ts";

const SCHEDULER = "default-scheduler";
/** A pod that fits nowhere is tried again though nothing seems to have changed. */
const RETRY_MS = 60_000;

export function scheduler(room: Collaborators): Controller {
  const ledger = new Ledger();
  const waiting = new Set<string>();
  /** What makes room wakes those that found none. */
  const wakeWaiting = (): ObjectKey[] => [...waiting].map(parseKey);
  return {
    name: "scheduler",
    watches: {
      nodes: (event) => {
        ledger.onNode(event);
        return isOnlyHeartbeat(event) ? [] : wakeWaiting();
      },
      pods: (event) => {
        ledger.onPod(event);
        if (isPending(event.object) && event.type !== "DELETED") return [keyOf(event.object)];
        waiting.delete(formatKey(keyOf(event.object)));
        return event.type === "DELETED" || event.object.status?.phase !== event.previous?.status?.phase ? wakeWaiting() : [];
      },
    },
    reconcile: async (key) => await schedule(key, room, ledger, waiting),
  };
}

function isPending(pod: KubeObject): boolean {
  const { nodeName, schedulerName = SCHEDULER, schedulingGates = [] } = pod.spec;
  return !nodeName && schedulerName === SCHEDULER && schedulingGates.length === 0 && pod.metadata.deletionTimestamp === undefined;
}

function isOnlyHeartbeat({ type, object, previous }: WatchEvent): boolean {
  if (type !== "MODIFIED" || previous === undefined) return false;
  const facts = ({ metadata, spec, status }: KubeObject): string => JSON.stringify([metadata.labels, spec, status?.allocatable]);
  return facts(object) === facts(previous);
}

async function schedule(key: ObjectKey, room: Collaborators, ledger: Ledger, waiting: Set<string>): Promise<Outcome | void> {
  const { cluster, recorder } = room;
  const pod = cluster.get("pods", key);
  if (pod === undefined || !isPending(pod)) return;
  const choice = chooseNode(pod, ledger.nodes, Math.random);
  if ("refused" in choice) {
    waiting.add(formatKey(key));
    if (await markUnschedulable(pod, choice.refused, room)) recorder.record(pod, "Warning", "FailedScheduling", choice.refused);
    return { requeueAfter: RETRY_MS };
  }
  waiting.delete(formatKey(key));
  ledger.assume(pod, choice.node);
  await bind(key, choice.node, room);
  recorder.record(pod, "Normal", "Scheduled", `Successfully assigned ${key.namespace}/${key.name} to ${choice.node}`);
}

async function bind(key: ObjectKey, node: string, { cluster }: Collaborators): Promise<void> {
  await cluster.modify("pods", key, (current) => (current.spec.nodeName ? current : { ...current, spec: { ...current.spec, nodeName: node } }));
}

/** True when the message is news. */
async function markUnschedulable(pod: KubeObject, message: string, { cluster, clock }: Collaborators): Promise<boolean> {
  let news = false;
  const now = formatTime(clock.now());
  await cluster.modify(
    "pods",
    keyOf(pod),
    (current) => {
      const conditions = current.status?.conditions ?? [];
      news = !conditions.some((condition: { type: string; message?: string }) => condition.type === "PodScheduled" && condition.message === message);
      if (!news) return current;
      const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message } as const;
      return { ...current, status: { ...current.status, phase: "Pending", conditions: setCondition(conditions, condition, now) } };
    },
    { status: true },
  );
  return news;
}
