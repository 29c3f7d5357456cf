/** What one look at a ReplicaSet and its pods asks for. Decides, and does nothing. Spec: Kubernetes documentation, "ReplicaSet". */
import type { KubeObject } from "../../cluster.ts";
import type { Condition } from "../conditions.ts";
import type { LabelSelector } from "../../schema/selector.ts";
import { planClaim } from "../owner.ts";
import { isActive, isAvailable, isReady, nextAvailable } from "../pods.ts";
import { holds } from "../labels.ts";
import { deletionOrder } from "./deletion-order.ts";

/** Most pods made or removed in one look. */
const BURST = 500;

export interface ReplicaSetPlan {
  readonly adopt: readonly KubeObject[];
  readonly release: readonly KubeObject[];
  /** How many pods are missing. */
  readonly create: number;
  readonly remove: readonly KubeObject[];
  readonly counts: ReplicaCounts;
  /** Milliseconds until a ready pod becomes available. */
  readonly requeueAfter: number | undefined;
}

export interface ReplicaCounts {
  readonly replicas: number;
  readonly fullyLabeledReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
}

/** `candidates` are the pods of the set's namespace. */
export function planReplicaSet(set: KubeObject, candidates: readonly KubeObject[], now: number, selector: LabelSelector = set.spec.selector): ReplicaSetPlan {
  const claim = planClaim(set, selector, candidates.filter(isActive));
  const pods = claim.owned;
  const surplus = set.metadata.deletionTimestamp === undefined ? pods.length - (set.spec.replicas ?? 1) : 0;
  return {
    adopt: claim.adopt,
    release: claim.release,
    create: Math.min(BURST, Math.max(0, -surplus)),
    remove: surplus > 0 ? pods.toSorted(deletionOrder(pods, now)).slice(0, Math.min(surplus, BURST)) : [],
    counts: countReplicas(set, pods, now),
    requeueAfter: nextAvailable(pods, set.spec.minReadySeconds ?? 0, now),
  };
}

function countReplicas(set: KubeObject, pods: readonly KubeObject[], now: number): ReplicaCounts {
  const wanted: Readonly<Record<string, string>> = set.spec.template?.metadata?.labels ?? {};
  return {
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter((pod) => holds(pod.metadata.labels, wanted)).length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: pods.filter((pod) => isAvailable(pod, set.spec.minReadySeconds ?? 0, now)).length,
  };
}

/** The status to write: as the API prints it, zero counts left out except `replicas`. */
export function replicaSetStatus(set: KubeObject, counts: ReplicaCounts, conditions: readonly Condition[]): Readonly<Record<string, unknown>> {
  const { replicas, ...rest } = counts;
  return {
    replicas,
    ...Object.fromEntries(Object.entries(rest).filter(([, count]) => count > 0)),
    observedGeneration: set.metadata.generation ?? 1,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}
