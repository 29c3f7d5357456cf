/** What one look at a DaemonSet, the nodes and its pods asks for: one pod on every node that suits, then the rolling update. Decides, and does nothing. Spec: Kubernetes documentation, "DaemonSet". */
import type { KubeObject } from "../../cluster.ts";
import { isAvailable, isReady } from "../pods.ts";
import type { Place } from "./nodes.ts";
import { rollingUpdate, surges } from "./rolling.ts";
import { HASH_LABEL } from "./template.ts";

/** Most pods made and most removed in one look. */
const BURST = 250;

export interface Removal {
  readonly pod: KubeObject;
  readonly node: string;
  /** It had ended by itself. */
  readonly ended?: "Failed" | "Succeeded";
}

export interface DaemonSetPlan {
  /** Names of nodes. */
  readonly create: readonly string[];
  readonly remove: readonly Removal[];
  /** Milliseconds until a failed pod may be removed. */
  readonly requeueAfter: number | undefined;
}

export interface World {
  readonly places: readonly Place[];
  /** Pods that wait for a node which is no more. */
  readonly lost: readonly KubeObject[];
  /** Of the template as it is now. */
  readonly hash: string;
  /** Milliseconds for which a failed pod must stay on its node, so that one that always fails does not keep the cluster busy. */
  readonly failedWait: (node: string) => number;
}

/** The rolling update waits until every node has what it should. */
export function planDaemonSet(set: KubeObject, world: World, now: number): DaemonSetPlan {
  const { places, lost } = world;
  const create = places.filter(({ wanted, pods }) => wanted && pods.length === 0).map(({ node }) => node);
  const failed = places.filter(({ tolerated }) => tolerated).flatMap((place) => removeEnded(place));
  const waits = failed.filter(({ ended }) => ended === "Failed").map(({ node }) => world.failedWait(node));
  const remove = [
    ...failed.filter(({ ended, node }) => ended !== "Failed" || world.failedWait(node) === 0),
    ...places.flatMap((place) => unwanted(set, place, world.hash, now).map((pod) => ({ pod, node: place.node }))),
    ...lost.map((pod) => ({ pod, node: "" })),
  ];
  const pending = waits.filter((wait) => wait > 0);
  const requeueAfter = pending.length === 0 ? undefined : Math.min(...pending);
  if (create.length + remove.length > 0) return { create: create.slice(0, BURST), remove: remove.slice(0, BURST), requeueAfter };
  const rolled = set.spec.updateStrategy?.type === "OnDelete" ? { create: [], remove: [] } : rollingUpdate(set, places, world.hash, now);
  return { create: rolled.create.slice(0, BURST), remove: rolled.remove.slice(0, BURST), requeueAfter };
}

function removeEnded({ node, pods }: Place): readonly Removal[] {
  return pods.filter(isStaying).flatMap((pod) => {
    const { phase } = pod.status ?? {};
    return phase === "Failed" || phase === "Succeeded" ? [{ pod, node, ended: phase }] : [];
  });
}

function unwanted(set: KubeObject, { tolerated, pods }: Place, hash: string, now: number): readonly KubeObject[] {
  const staying = pods.filter(isStaying);
  if (!tolerated) return staying;
  const running = staying.filter(({ status }) => status?.phase !== "Failed" && status?.phase !== "Succeeded");
  if (running.length <= 1) return [];
  return surges(set) ? surplusOfSurge(set, running, hash, now) : running.slice(1);
}

/** While it surges a node keeps the oldest pod of each revision: the old one until it fails or the new one is available. */
function surplusOfSurge(set: KubeObject, running: readonly KubeObject[], hash: string, now: number): readonly KubeObject[] {
  const isNew = (pod: KubeObject): boolean => pod.metadata.labels?.[HASH_LABEL] === hash;
  const fresh = running.find(isNew);
  const old = running.find((pod) => !isNew(pod));
  const extra = running.filter((pod) => pod !== fresh && pod !== old);
  const replaced = fresh !== undefined && old !== undefined && (!isReady(old) || isAvailable(fresh, set.spec.minReadySeconds ?? 0, now));
  return replaced ? [...extra, old] : extra;
}

function isStaying({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp === undefined;
}
