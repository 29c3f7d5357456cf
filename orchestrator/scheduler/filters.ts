/** Why a node cannot take a pod; each filter gives its reasons in the words that users search for. Spec: Kubernetes documentation, "Kubernetes Scheduler". */
import type { KubeObject } from "../cluster.ts";
import type { NodeInfo } from "./ledger.ts";
import { matchesNode } from "./node-affinity.ts";
import { hostPorts, podRequests, type Amounts, type HostPort } from "./requests.ts";
import { tolerates, untolerated } from "./taints.ts";
import { volumeObjections, type VolumeNeeds } from "./volumes.ts";

export interface Wanted {
  readonly pod: KubeObject;
  readonly requests: Amounts;
  readonly ports: readonly HostPort[];
  /** Undefined for a pod without claims. */
  readonly volumes: VolumeNeeds | undefined;
}

export function wantedBy(pod: KubeObject, volumes?: VolumeNeeds): Wanted {
  return { pod, requests: podRequests(pod), ports: hostPorts(pod), volumes };
}

type Filter = (wanted: Wanted, info: NodeInfo) => readonly string[];

const NONE: readonly string[] = [];

const FILTERS: readonly Filter[] = [
  ({ pod }, { node }) => (node.spec?.unschedulable === true && !toleratesCordon(pod) ? ["node(s) were unschedulable"] : NONE),
  ({ pod }, { node }) => {
    const taint = untolerated(pod, node, ["NoSchedule", "NoExecute"]);
    return taint === undefined ? NONE : [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`];
  },
  ({ pod }, { node }) => (matchesNode(pod, node) ? NONE : ["node(s) didn't match Pod's node affinity/selector"]),
  ({ ports }, info) =>
    ports.some((port) => info.ports.some((taken) => collide(port, taken))) ? ["node(s) didn't have free ports for the requested pod ports"] : NONE,
  fits,
  ({ volumes }, { node }) => (volumes === undefined ? NONE : volumeObjections(volumes, node)),
];

/** Empty when the node can take it. The first filter that objects speaks for all. */
export function objections(wanted: Wanted, info: NodeInfo): readonly string[] {
  for (const filter of FILTERS) {
    const reasons = filter(wanted, info);
    if (reasons.length > 0) return reasons;
  }
  return NONE;
}

function toleratesCordon(pod: KubeObject): boolean {
  return tolerates(pod.spec.tolerations ?? [], { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" });
}

function collide(left: HostPort, right: HostPort): boolean {
  return left.port === right.port && left.protocol === right.protocol && (left.ip === right.ip || left.ip === "0.0.0.0" || right.ip === "0.0.0.0");
}

function fits({ requests }: Wanted, { allocatable, requested, pods }: NodeInfo): readonly string[] {
  const crowded = pods + 1 > (allocatable["pods"] ?? 0) ? ["Too many pods"] : NONE;
  const short = Object.entries(requests)
    .filter(([name, amount]) => amount > 0 && (requested[name] ?? 0) + amount > (allocatable[name] ?? 0))
    .map(([name]) => `Insufficient ${name}`);
  return [...crowded, ...short];
}
