/**
 * Gives each pod without a node one. A decision sees all decisions before it: it is made and booked in one go, and what is written
 * of it may wait for the disk together with others. The shell around `chooseNode`.
 */
import { formatKey, hasReason, keyOf, parseKey, type Controller } from "../controllers/controller.ts";
import { formatTime } from "../controllers/clock.ts";
import { setCondition } from "../controllers/conditions.ts";
import type { Outcome } from "../controllers/loop.ts";
import type { Collaborators } from "../controllers/collaborators.ts";
import { isTerminal } from "../controllers/pods.ts";
import type { KubeObject, ObjectKey, WatchEvent } from "../cluster.ts";
import { claimNames } from "../storage/claims.ts";
import { CLAIMS, CLASSES, VOLUMES } from "../storage/names.ts";
import { chooseNode } from "./choose.ts";
import { Ledger, type NodeInfo } from "./ledger.ts";
import { reserveVolumes } from "./reserve-volumes.ts";
import { Turns } from "./turns.ts";
import { planVolumes, volumeNeeds, type VolumeChoice } from "./volumes.ts";

const SCHEDULER = "default-scheduler";
/** Decisions that wait for the disk at once: they share its commits. */
const WORKERS = 32;
/** A pod that fits nowhere is tried again though nothing seems to have changed. */
const RETRY_MS = 60_000;

export function scheduler(room: Collaborators): Controller {
  const ledger = new Ledger();
  const waiting = new Set<string>();
  const state: State = { ledger, waiting, reserved: new Map() };
  const claiming = new Turns();
  /** What makes room wakes those that found none. */
  const wakeWaiting = (): ObjectKey[] => [...waiting].map(parseKey);
  const wakeUsers = ({ object }: WatchEvent): ObjectKey[] =>
    [...waiting, ...state.reserved.keys()].map(parseKey).filter((key) => {
      const pod = key.namespace === object.metadata.namespace ? room.cluster.get("pods", key) : undefined;
      return pod !== undefined && claimNames(pod).includes(object.metadata.name);
    });
  return {
    name: "scheduler",
    workers: WORKERS,
    watches: {
      nodes: (event) => {
        ledger.onNode(event);
        return isOnlyHeartbeat(event) ? [] : wakeWaiting();
      },
      pods: (event) => {
        ledger.onPod(event);
        if (isPending(event.object) && event.type !== "DELETED") return [keyOf(event.object)];
        waiting.delete(formatKey(keyOf(event.object)));
        state.reserved.delete(formatKey(keyOf(event.object)));
        return makesRoom(event) ? wakeWaiting() : [];
      },
      [CLAIMS]: wakeUsers,
      [VOLUMES]: wakeWaiting,
      [CLASSES]: wakeWaiting,
    },
    reconcile: async (key) => {
      const pod = room.cluster.get("pods", key);
      const work = async (): Promise<Outcome | void> => await schedule(key, room, state);
      return await (pod === undefined || claimNames(pod).length === 0 ? work() : claiming.next(work)); // volumes are booked by what is written
    },
  };
}

interface State {
  readonly ledger: Ledger;
  readonly waiting: Set<string>;
  /** Pods whose volumes are being found or made for a node: they have their place there meanwhile. */
  readonly reserved: Map<string, string>;
}

function isPending(pod: KubeObject): boolean {
  const { nodeName, schedulerName = SCHEDULER, schedulingGates = [] } = pod.spec;
  return !nodeName && schedulerName === SCHEDULER && schedulingGates.length === 0 && pod.metadata.deletionTimestamp === undefined;
}

/** It has gone, or has ended just now. */
function makesRoom({ type, object, previous }: WatchEvent): boolean {
  return type === "DELETED" || (isTerminal(object) && previous !== undefined && !isTerminal(previous));
}

function isOnlyHeartbeat({ type, object, previous }: WatchEvent): boolean {
  if (type !== "MODIFIED" || previous === undefined) return false;
  const facts = ({ metadata, spec, status }: KubeObject): string => JSON.stringify([metadata.labels, spec, status?.allocatable]);
  return facts(object) === facts(previous);
}

async function schedule(key: ObjectKey, room: Collaborators, { ledger, waiting, reserved }: State): Promise<Outcome | void> {
  const { cluster, recorder } = room;
  const pod = cluster.get("pods", key);
  if (pod === undefined || !isPending(pod)) return;
  const name = formatKey(key);
  ledger.forget(pod.metadata.uid);
  const choice = choose(pod, room, ledger.nodes, reserved.get(name));
  if ("refused" in choice) {
    reserved.delete(name);
    waiting.add(name);
    if (await markUnschedulable(pod, choice.refused, room)) recorder.record(pod, "Warning", "FailedScheduling", choice.refused);
    return { requeueAfter: RETRY_MS };
  }
  waiting.delete(name);
  ledger.assume(pod, choice.node);
  if (choice.volumes.length > 0) {
    reserved.set(name, choice.node);
    return await reserveVolumes(cluster, choice.volumes, choice.node);
  }
  reserved.delete(name);
  if (await bind(key, choice.node, room)) recorder.record(pod, "Normal", "Scheduled", `Successfully assigned ${key.namespace}/${key.name} to ${choice.node}`);
}

type Placed = { readonly node: string; readonly volumes: readonly VolumeChoice[] } | { readonly refused: string };

/** A pod that has a place reserved keeps to it as long as it fits there. */
function choose(pod: KubeObject, { cluster }: Collaborators, infos: readonly NodeInfo[], reserved: string | undefined): Placed {
  const needs = volumeNeeds(pod, cluster);
  if (needs !== undefined && "refused" in needs) return { refused: `0/${infos.length} nodes are available: ${needs.refused}.` };
  const own = reserved === undefined ? [] : infos.filter(({ node }) => node.metadata.name === reserved);
  const first = own.length === 0 ? undefined : chooseNode(pod, own, Math.random, needs);
  const choice = first !== undefined && "node" in first ? first : chooseNode(pod, infos, Math.random, needs);
  if ("refused" in choice) return choice;
  if (needs === undefined) return { node: choice.node, volumes: [] };
  const node = infos.find((info) => info.node.metadata.name === choice.node)?.node;
  return { node: choice.node, volumes: node === undefined ? [] : (planVolumes(needs, node) ?? []) };
}

/** False for a pod that has gone meanwhile. @throws {ApiError} `Conflict` when it has another node, or is going */
async function bind(key: ObjectKey, node: string, { cluster }: Collaborators): Promise<boolean> {
  try {
    await cluster.bind(key, node);
    return true;
  } catch (error) {
    if (hasReason(error, "NotFound")) return false;
    throw error;
  }
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
