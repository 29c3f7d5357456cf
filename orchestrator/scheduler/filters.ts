/** Why a node cannot take a pod; each filter gives its reasons in the words that users search for. Spec: Kubernetes documentation, "Kubernetes Scheduler". */
import type { KubeObject } from "../cluster.ts";
import type { NodeInfo } from "./ledger.ts";
import { isChoosy, matchesNode } from "./node-affinity.ts";
import { hostPorts, podRequests, type Amounts, type HostPort } from "./requests.ts";
import { firstUntolerated, tolerates, type Taint } from "./taints.ts";
import { volumeObjections, type VolumeNeeds } from "./volumes.ts";

export interface Wanted {
  readonly pod: KubeObject;
  readonly requests: Amounts;
  /** Of the requests what is more than nothing. */
  readonly needs: readonly (readonly [name: string, amount: number])[];
  readonly ports: readonly HostPort[];
  /** Undefined for a pod without claims. */
  readonly volumes: VolumeNeeds | undefined;
  /** Those that could object to this pod. */
  readonly filters: readonly Filter[];
}

export function wantedBy(pod: KubeObject, volumes?: VolumeNeeds): Wanted {
  const requests = podRequests(pod);
  const ports = hostPorts(pod);
  const filters = [
    fitsCordon,
    fitsTaints,
    ...(isChoosy(pod) ? [fitsAffinity] : []),
    ...(ports.length > 0 ? [fitsPorts] : []),
    fitsResources,
    ...(volumes === undefined ? [] : [fitsVolumes]),
  ];
  return { pod, requests, needs: Object.entries(requests).filter(([, amount]) => amount > 0), ports, volumes, filters };
}

type Filter = (wanted: Wanted, info: NodeInfo) => readonly string[];

const NONE: readonly string[] = [];
const REPELLING: readonly Taint["effect"][] = ["NoSchedule", "NoExecute"];

/** Empty when the node can take it. The first filter that objects speaks for all. */
export function objections(wanted: Wanted, info: NodeInfo): readonly string[] {
  for (const filter of wanted.filters) {
    const reasons = filter(wanted, info);
    if (reasons.length > 0) return reasons;
  }
  return NONE;
}

function fitsCordon({ pod }: Wanted, { cordoned }: NodeInfo): readonly string[] {
  return cordoned && !toleratesCordon(pod) ? ["node(s) were unschedulable"] : NONE;
}

function toleratesCordon(pod: KubeObject): boolean {
  return tolerates(pod.spec.tolerations ?? [], { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" });
}

function fitsTaints({ pod }: Wanted, { taints }: NodeInfo): readonly string[] {
  const taint = firstUntolerated(pod, taints, REPELLING);
  return taint === undefined ? NONE : [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`];
}

function fitsAffinity({ pod }: Wanted, { node }: NodeInfo): readonly string[] {
  return matchesNode(pod, node) ? NONE : ["node(s) didn't match Pod's node affinity/selector"];
}

function fitsPorts({ ports }: Wanted, info: NodeInfo): readonly string[] {
  return ports.some((port) => info.ports.some((taken) => collide(port, taken))) ? ["node(s) didn't have free ports for the requested pod ports"] : NONE;
}

function collide(left: HostPort, right: HostPort): boolean {
  return left.port === right.port && left.protocol === right.protocol && (left.ip === right.ip || left.ip === "0.0.0.0" || right.ip === "0.0.0.0");
}

function fitsResources({ needs }: Wanted, { allocatable, requested, pods }: NodeInfo): readonly string[] {
  const isShort = ([name, amount]: readonly [string, number]): boolean => (requested[name] ?? 0) + amount > (allocatable[name] ?? 0);
  const crowded = pods + 1 > (allocatable["pods"] ?? 0);
  if (!crowded && !needs.some(isShort)) return NONE;
  return [...(crowded ? ["Too many pods"] : NONE), ...needs.filter(isShort).map(([name]) => `Insufficient ${name}`)];
}

function fitsVolumes({ volumes }: Wanted, { node }: NodeInfo): readonly string[] {
  return volumes === undefined ? NONE : volumeObjections(volumes, node);
}
