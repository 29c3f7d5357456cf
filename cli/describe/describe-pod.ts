/** A pod as `kubectl describe` shows it. Pure. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { qosClass } from "../../orchestrator/objects/pod-resources.ts";
import { formatDuration } from "../../orchestrator/api/table/age.ts";
import { containerLines } from "./containers.ts";
import { annotationLines, controllerLines, formatTime, labelLines } from "./fields.ts";
import { placementLines } from "./placement.ts";
import { podLookup } from "./pod-lookup.ts";
import type { ContainerStatus, PodSpec } from "./pod-types.ts";
import { volumeLines } from "./volumes.ts";

interface PodStatus {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly hostIP?: string;
  readonly podIP?: string;
  readonly podIPs?: readonly { readonly ip: string }[];
  readonly startTime?: string;
  readonly qosClass?: string;
  readonly nominatedNodeName?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly initContainerStatuses?: readonly ContainerStatus[];
  readonly containerStatuses?: readonly ContainerStatus[];
  readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
}

export function describePod(pod: KubeObject, now: number): readonly string[] {
  const spec: PodSpec = pod.spec;
  const status: PodStatus = pod.status ?? {};
  const lookup = podLookup(pod);
  const space = "";
  return [
    ...headLines(pod, spec, status, now),
    ...addressLines(status),
    ...controllerLines(pod),
    ...field("NominatedNodeName", status.nominatedNodeName),
    ...containerLines("Init Containers", spec.initContainers ?? [], { statuses: status.initContainerStatuses ?? [], lookup, space }),
    ...containerLines("Containers", spec.containers, { statuses: status.containerStatuses ?? [], lookup, space }),
    ...containerLines("Ephemeral Containers", spec.ephemeralContainers ?? [], { statuses: status.ephemeralContainerStatuses ?? [], lookup, space }),
    ...gateLines(spec, status),
    ...conditionLines(status),
    ...volumeLines(spec.volumes ?? [], space),
    `QoS Class:\t${status.qosClass ?? qosClass(spec)}`,
    ...placementLines(spec),
  ];
}

function field(title: string, value: string | number | undefined): readonly string[] {
  return value === undefined || value === "" ? [] : [`${title}:\t${value}`];
}

function headLines({ metadata }: KubeObject, spec: PodSpec, status: PodStatus, now: number): readonly string[] {
  const profile = spec.securityContext?.seccompProfile;
  return [
    `Name:\t${metadata.name}`,
    `Namespace:\t${metadata.namespace}`,
    ...field("Priority", spec.priority),
    ...field("Priority Class Name", spec.priorityClassName),
    ...field("Service Account", spec.serviceAccountName),
    `Node:\t${spec.nodeName === undefined ? "<none>" : `${spec.nodeName}/${status.hostIP ?? ""}`}`,
    ...(status.startTime === undefined ? [] : [`Start Time:\t${formatTime(status.startTime)}`]),
    ...labelLines("Labels", metadata.labels),
    ...annotationLines("Annotations", metadata.annotations),
    ...phaseLines(metadata, status, now),
    ...field("Reason", status.reason),
    ...field("Message", status.message),
    ...field("SeccompProfile", profile?.type),
    ...field("  LocalhostProfile", profile?.localhostProfile),
  ];
}

function phaseLines({ deletionTimestamp, deletionGracePeriodSeconds }: KubeObject["metadata"], status: PodStatus, now: number): readonly string[] {
  if (deletionTimestamp === undefined) return [`Status:\t${status.phase ?? ""}`];
  const lasts = now - Date.parse(deletionTimestamp);
  return [`Status:\tTerminating${lasts < 0 ? "" : ` (lasts ${formatDuration(lasts)})`}`, `Termination Grace Period:\t${deletionGracePeriodSeconds ?? 0}s`];
}

function addressLines({ podIP, podIPs = [] }: PodStatus): readonly string[] {
  return [`IP:\t${podIP ?? ""}`, ...(podIPs.length === 0 ? ["IPs:\t<none>"] : ["IPs:", ...podIPs.map(({ ip }) => `  IP:\t${ip}`)])];
}

function gateLines({ readinessGates = [] }: PodSpec, { conditions = [] }: PodStatus): readonly string[] {
  if (readinessGates.length === 0) return [];
  const rows = readinessGates.map(({ conditionType }) => {
    const found = conditions.find(({ type }) => type === conditionType);
    return `  ${conditionType} \t${found?.status ?? "<none>"} `;
  });
  return ["Readiness Gates:", "  Type\tStatus", ...rows];
}

function conditionLines({ conditions = [] }: PodStatus): readonly string[] {
  return conditions.length === 0 ? [] : ["Conditions:", "  Type\tStatus", ...conditions.map(({ type, status }) => `  ${type} \t${status} `)];
}
