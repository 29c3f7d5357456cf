/** The pods of a StatefulSet sorted by what it wants of them, and how each is. */
import type { KubeObject } from "../../cluster.ts";
import { isAvailable, isReady } from "../pods.ts";
import { ordinalOf, wantedOrdinals } from "./identity.ts";

export interface Member {
  readonly ordinal: number;
  /** Undefined until it is made. */
  readonly pod: KubeObject | undefined;
}

export interface Members {
  /** One for each ordinal that the set wants, lowest first. */
  readonly wanted: readonly Member[];
  /** Beyond what it wants, highest first. */
  readonly condemned: readonly Standing[];
}

export type Standing = Member & { readonly pod: KubeObject };

export function sortMembers(set: KubeObject, pods: readonly KubeObject[]): Members {
  const all = new Map<number, KubeObject>();
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal !== undefined) all.set(ordinal, pod);
  }
  const wanted = wantedOrdinals(set).map((ordinal) => ({ ordinal, pod: all.get(ordinal) }));
  for (const { ordinal } of wanted) all.delete(ordinal);
  return { wanted, condemned: [...all].map(([ordinal, pod]) => ({ ordinal, pod })).toSorted((left, right) => right.ordinal - left.ordinal) };
}

export function isTerminating({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

export function isRunning(pod: KubeObject | undefined): boolean {
  return pod !== undefined && pod.status?.phase === "Running" && isReady(pod);
}

/** Running, ready, and not about to go. */
export function isHealthy(pod: KubeObject | undefined): boolean {
  return pod !== undefined && isRunning(pod) && !isTerminating(pod);
}

/** Long enough for the next pod to begin. */
export function isSettled(pod: KubeObject, minReadySeconds: number, now: number): boolean {
  return isHealthy(pod) && isAvailable(pod, minReadySeconds, now);
}
