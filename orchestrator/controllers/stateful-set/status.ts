/** What a StatefulSet reports of its pods. Decides, and does nothing. */
import type { KubeObject } from "../../cluster.ts";
import { isAvailable } from "../pods.ts";
import { revisionOf } from "./identity.ts";
import { isRunning, isTerminating } from "./members.ts";

export interface StatusInput {
  readonly pods: readonly KubeObject[];
  /** Names of revisions. */
  readonly current: string;
  readonly update: string;
  readonly collisions: number;
  readonly now: number;
}

/** As the API prints it: counts of zero are left out where they may be. A rollout that is done makes its revision the current one. */
export function statefulSetStatus(set: KubeObject, { pods, current, update, collisions, now }: StatusInput): Readonly<Record<string, unknown>> {
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  const of = (revision: string): number => pods.filter((pod) => revisionOf(pod) === revision && !isTerminating(pod)).length;
  const running = pods.filter(isRunning);
  const counts = { readyReplicas: running.length, currentReplicas: of(current), updatedReplicas: of(update) };
  const size = set.spec.replicas ?? 1;
  const done = set.spec.updateStrategy?.type !== "OnDelete" && [pods.length, counts.updatedReplicas, counts.readyReplicas].every((count) => count === size);
  const settled = done ? { ...counts, currentReplicas: counts.updatedReplicas } : counts;
  return {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: pods.length,
    ...Object.fromEntries(Object.entries(settled).filter(([, count]) => count > 0)),
    currentRevision: done ? update : current,
    updateRevision: update,
    collisionCount: collisions,
    availableReplicas: running.filter((pod) => isAvailable(pod, minReadySeconds, now)).length,
  };
}
