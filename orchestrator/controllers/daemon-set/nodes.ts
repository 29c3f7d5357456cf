/** Which nodes a DaemonSet wants, and its pods by node. Spec: Kubernetes documentation, "DaemonSet: How Daemon Pods are scheduled". */
import type { KubeObject } from "../../cluster.ts";
import { matchesNode } from "../../scheduler/node-affinity.ts";
import { untolerated } from "../../scheduler/taints.ts";
import { isTerminal } from "../pods.ts";
import { draftDaemon, targetNode } from "./template.ts";

export interface Place {
  readonly node: string;
  /** A pod belongs here. */
  readonly wanted: boolean;
  /** A pod that is here may stay. */
  readonly tolerated: boolean;
  /** Those that run elsewhere or have gone are not here; oldest first, placed ones before waiting ones. */
  readonly pods: readonly KubeObject[];
}

/** One for each node. */
export function placesOf(set: KubeObject, nodes: readonly KubeObject[], pods: readonly KubeObject[]): readonly Place[] {
  const present = pods.filter((pod) => !(isTerminal(pod) && pod.metadata.deletionTimestamp !== undefined)).toSorted(oldestPlacedFirst);
  return nodes.map((node) => ({
    node: node.metadata.name,
    ...suits(set, node),
    pods: present.filter((pod) => targetNode(pod) === node.metadata.name),
  }));
}

/** Pods that wait for a node which is no more. */
export function lost(nodes: readonly KubeObject[], pods: readonly KubeObject[]): readonly KubeObject[] {
  const names = new Set<string | undefined>(nodes.map(({ metadata }) => metadata.name));
  return pods.filter((pod) => !pod.spec.nodeName && !names.has(targetNode(pod)) && pod.metadata.deletionTimestamp === undefined);
}

function suits(set: KubeObject, node: KubeObject): Pick<Place, "wanted" | "tolerated"> {
  const pod = draftDaemon(set, "", node.metadata.name) as unknown as KubeObject;
  const chosen = !pod.spec.nodeName || pod.spec.nodeName === node.metadata.name;
  if (!chosen || !matchesNode(pod, node)) return { wanted: false, tolerated: false };
  const wanted = untolerated(pod, node, ["NoSchedule", "NoExecute"]) === undefined;
  return { wanted, tolerated: wanted || untolerated(pod, node, ["NoExecute"]) === undefined };
}

function oldestPlacedFirst(left: KubeObject, right: KubeObject): number {
  const placed = Number(Boolean(right.spec.nodeName)) - Number(Boolean(left.spec.nodeName));
  return placed || left.metadata.creationTimestamp.localeCompare(right.metadata.creationTimestamp) || left.metadata.name.localeCompare(right.metadata.name);
}
