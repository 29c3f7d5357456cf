/** Which pod goes first when there are too many: the one whose loss costs least. Spec: Kubernetes documentation, "ReplicaSet". */
import type { KubeObject } from "../../cluster.ts";
import { parseTime } from "../clock.ts";
import { isReady, maxRestarts, readySince } from "../pods.ts";

const PHASES = ["Pending", "Unknown", "Running"];

/** Sorts the first to be deleted to the front. `siblings` are all pods of the same owner, which tell how crowded a node is. */
export function deletionOrder(siblings: readonly KubeObject[], now: number): (left: KubeObject, right: KubeObject) => number {
  const crowd = new Map<string, number>();
  for (const pod of siblings.filter(isReady)) crowd.set(nodeOf(pod), (crowd.get(nodeOf(pod)) ?? 0) + 1);
  const ranks: readonly ((pod: KubeObject) => number)[] = [
    (pod) => (nodeOf(pod) === "" ? 0 : 1),
    (pod) => PHASES.indexOf(pod.status?.phase ?? "Pending"),
    (pod) => (isReady(pod) ? 1 : 0),
    (pod) => Number(pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? 0),
    (pod) => -(crowd.get(nodeOf(pod)) ?? 0),
    (pod) => (isReady(pod) ? ageBucket(readySince(pod), now) : 0),
    (pod) => -maxRestarts(pod),
    (pod) => ageBucket(parseTime(pod.metadata.creationTimestamp), now),
  ];
  return (left, right) => {
    for (const rank of ranks) {
      const difference = rank(left) - rank(right);
      if (difference !== 0) return difference;
    }
    return left.metadata.uid < right.metadata.uid ? -1 : 1;
  };
}

function nodeOf(pod: KubeObject): string {
  return pod.spec?.nodeName ?? "";
}

/** Ages in powers of two seconds: small differences do not count. */
function ageBucket(since: number, now: number): number {
  return Math.floor(Math.log2(Math.max(1, (now - since) / 1000)));
}
