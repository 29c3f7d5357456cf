/** A Node, with the pods on it and what they ask for. Pure. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { formatAge } from "../../orchestrator/api/table/age.ts";
import { annotationLines, formatTime, type Labels, labelLines, sorted, titled } from "./fields.ts";
import { amountOf, asked, RESOURCES, shareOf } from "./node-share.ts";

interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly lastHeartbeatTime?: string;
  readonly lastTransitionTime?: string;
  readonly reason?: string;
  readonly message?: string;
}

interface NodeStatus {
  readonly conditions?: readonly Condition[];
  readonly addresses?: readonly { readonly type: string; readonly address: string }[];
  readonly capacity?: Labels;
  readonly allocatable?: Labels;
  readonly nodeInfo?: Readonly<Record<string, string>>;
}

const ROLE = "node-role.kubernetes.io/";
const INFO = {
  "Machine ID": "machineID",
  "System UUID": "systemUUID",
  "Boot ID": "bootID",
  "Kernel Version": "kernelVersion",
  "OS Image": "osImage",
  "Operating System": "operatingSystem",
  Architecture: "architecture",
  "Container Runtime Version": "containerRuntimeVersion",
  "Kubelet Version": "kubeletVersion",
  "Kube-Proxy Version": "kubeProxyVersion",
} as const;

export interface AroundNode {
  readonly pods: readonly KubeObject[];
  readonly lease: KubeObject | undefined;
}

export function describeNode({ metadata, spec = {}, status: written = {} }: KubeObject, { pods, lease }: AroundNode, now: number): readonly string[] {
  const status: NodeStatus = written;
  const roles = Object.keys(metadata.labels ?? {})
    .flatMap((label) => (label.startsWith(ROLE) ? [label.slice(ROLE.length)] : []))
    .toSorted();
  const taints = ((spec.taints ?? []) as readonly Taint[]).map(({ key, value = "", effect }) => `${key}${value === "" ? "" : `=${value}`}:${effect}`);
  return [
    `Name:\t${metadata.name}`,
    `Roles:\t${roles.join(",") || "<none>"}`,
    ...labelLines("Labels", metadata.labels),
    ...annotationLines("Annotations", metadata.annotations),
    `CreationTimestamp:\t${formatTime(metadata.creationTimestamp)}`,
    ...titled("Taints", taints.toSorted()),
    `Unschedulable:\t${spec.unschedulable ?? false}`,
    "Lease:",
    ...leaseLines(lease),
    ...conditionLines(status.conditions ?? []),
    "Addresses:",
    ...(status.addresses ?? []).map(({ type, address }) => `  ${type}:\t${address}`),
    ...amountLines("Capacity", status.capacity),
    ...amountLines("Allocatable", status.allocatable),
    "System Info:",
    ...Object.entries(INFO).map(([title, name]) => `  ${title}:\t${status.nodeInfo?.[name] ?? ""}`),
    ...(spec.podCIDR === undefined ? [] : [`PodCIDR:\t${spec.podCIDR}`]),
    ...(spec.podCIDRs === undefined ? [] : [`PodCIDRs:\t${spec.podCIDRs.join(",")}`]),
    ...podLines(pods, status.allocatable, now),
  ];
}

function leaseLines(lease: KubeObject | undefined): readonly string[] {
  const { holderIdentity, acquireTime, renewTime } = lease?.spec ?? {};
  return [`  HolderIdentity:\t${holderIdentity ?? "<unset>"}`, `  AcquireTime:\t${formatTime(acquireTime)}`, `  RenewTime:\t${formatTime(renewTime)}`];
}

function conditionLines(conditions: readonly Condition[]): readonly string[] {
  if (conditions.length === 0) return [];
  const titles = ["Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"];
  const rows = conditions.map(
    ({ type, status, lastHeartbeatTime, lastTransitionTime, reason = "", message = "" }) =>
      `  ${type} \t${status} \t${formatTime(lastHeartbeatTime)} \t${formatTime(lastTransitionTime)} \t${reason} \t${message}`,
  );
  return ["Conditions:", `  ${titles.join("\t")}`, `  ${titles.map((title) => "-".repeat(title.length)).join("\t")}`, ...rows];
}

function amountLines(title: string, amounts: Labels): readonly string[] {
  const rows = sorted(amounts).map(([name, amount]) => `  ${name}:\t${amount}`);
  return rows.length === 0 ? [] : [`${title}:`, ...rows];
}

/** Of those that have not ended. */
function podLines(all: readonly KubeObject[], allocatable: Labels, now: number): readonly string[] {
  const pods = all.filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed");
  const titles = ["Namespace", "Name", "", "CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age"];
  const rows = pods.map((pod) => {
    const share = (what: string, kind: "requests" | "limits"): string => shareOf(what, asked([pod], kind, what), allocatable);
    const shares = [share("cpu", "requests"), share("cpu", "limits"), share("memory", "requests"), share("memory", "limits")];
    return [pod.metadata.namespace ?? "", pod.metadata.name, "", ...shares, formatAge(pod.metadata.creationTimestamp, new Date(now))];
  });
  return [
    `Non-terminated Pods:\t(${pods.length} in total)`,
    ...[titles, titles.map((title) => "-".repeat(title.length)), ...rows].map((cells) => `  ${cells.join("\t")}`),
    "Allocated resources:",
    "  (Total limits may be over 100 percent, i.e., overcommitted.)",
    "  Resource\tRequests\tLimits",
    "  --------\t--------\t------",
    ...RESOURCES.filter((what) => amountOf(what, allocatable) !== undefined).map(
      (what) => `  ${what}\t${shareOf(what, asked(pods, "requests", what), allocatable)}\t${shareOf(what, asked(pods, "limits", what), allocatable)}`,
    ),
  ];
}
