/** The columns that `kubectl get` shows, by resource; kinds that are not here show name and age. Priority 1 columns show with `-o wide`. */
import type { ResourceName } from "../../cluster.ts";
import { nameOf, type Resource } from "../../schema/resource.ts";
import { formatSelector } from "../../schema/selector.ts";
import { formatAge, formatDuration } from "./age.ts";
import { metricTargets } from "./metric-cell.ts";
import { podReady, podRestarts, podStatus } from "./pod-cell.ts";
import type { Cell, Column } from "./column.ts";
import * as cells from "./cells.ts";

export function columnsOf(resource: Resource): readonly Column[] {
  const columns = table[nameOf(resource)] ?? [age];
  return columns.some((column) => column.name === name.name) ? columns : [name, ...columns];
}

interface Ingress {
  readonly ip?: string;
  readonly hostname?: string;
}

const name: Column = { name: "Name", format: "name", description: "Name must be unique within a namespace.", cell: ({ metadata }) => metadata.name };
const age: Column = { name: "Age", description: "Time since the object was created.", cell: ({ metadata }, now) => formatAge(metadata.creationTimestamp, now) };

const text = (title: string, cell: Cell): Column => ({ name: title, cell });
const number = (title: string, cell: Cell): Column => ({ name: title, type: "integer", cell });
const wide = (title: string, cell: Cell): Column => ({ name: title, priority: 1, cell });

const none = "<none>";
const or = (value: string | number | null | undefined, otherwise = none): string =>
  value === undefined || value === null || value === "" ? otherwise : String(value);

const images = [wide("Containers", ({ spec }) => cells.containerNames(spec.template)), wide("Images", ({ spec }) => cells.containerImages(spec.template))];
const selected = wide("Selector", ({ spec }) => formatSelector(spec.selector));
const ready = text("Ready", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`);

const table: Readonly<Record<ResourceName, readonly Column[]>> = {
  pods: [
    text("Ready", podReady),
    text("Status", podStatus),
    text("Restarts", podRestarts),
    age,
    wide("IP", ({ status }) => or(status?.podIP)),
    wide("Node", ({ spec }) => or(spec.nodeName)),
    wide("Nominated Node", ({ status }) => or(status?.nominatedNodeName)),
    wide("Readiness Gates", cells.readinessGates),
  ],
  "deployments.apps": [
    ready,
    number("Up-to-date", ({ status }) => status?.updatedReplicas ?? 0),
    number("Available", ({ status }) => status?.availableReplicas ?? 0),
    age,
    ...images,
    selected,
  ],
  "replicasets.apps": [...cells.counts(number), age, ...images, selected],
  replicationcontrollers: [...cells.counts(number), age, ...images, wide("Selector", ({ spec }) => formatSelector({ matchLabels: spec.selector }))],
  "statefulsets.apps": [ready, age, ...images],
  "daemonsets.apps": [
    number("Desired", ({ status }) => status?.desiredNumberScheduled ?? 0),
    number("Current", ({ status }) => status?.currentNumberScheduled ?? 0),
    number("Ready", ({ status }) => status?.numberReady ?? 0),
    number("Up-to-date", ({ status }) => status?.updatedNumberScheduled ?? 0),
    number("Available", ({ status }) => status?.numberAvailable ?? 0),
    text("Node Selector", ({ spec }) => formatSelector({ matchLabels: spec.template?.spec?.nodeSelector })),
    age,
    ...images,
    selected,
  ],
  "controllerrevisions.apps": [text("Controller", cells.controller), number("Revision", (object) => object["revision"]), age],
  "jobs.batch": [
    text("Status", cells.jobStatus),
    text("Completions", cells.jobCompletions),
    text("Duration", ({ status }, now) =>
      status?.startTime === undefined ? "" : formatDuration(Date.parse(status.completionTime ?? now.toISOString()) - Date.parse(status.startTime)),
    ),
    age,
    ...images,
    selected,
  ],
  "cronjobs.batch": [
    text("Schedule", ({ spec }) => spec.schedule),
    text("Timezone", ({ spec }) => or(spec.timeZone)),
    { name: "Suspend", type: "boolean", cell: ({ spec }) => (spec.suspend === true ? "True" : "False") },
    number("Active", ({ status }) => status?.active?.length ?? 0),
    text("Last Schedule", ({ status }, now) => (status?.lastScheduleTime === undefined ? none : formatAge(status.lastScheduleTime, now))),
    age,
    wide("Containers", ({ spec }) => cells.containerNames(spec.jobTemplate?.spec?.template)),
    wide("Images", ({ spec }) => cells.containerImages(spec.jobTemplate?.spec?.template)),
  ],
  services: [
    text("Type", ({ spec }) => spec.type),
    text("Cluster-IP", ({ spec }) => or(spec.clusterIP)),
    text("External-IP", cells.externalIp),
    text("Port(s)", cells.servicePorts),
    age,
    wide("Selector", ({ spec }) => formatSelector({ matchLabels: spec.selector })),
  ],
  endpoints: [text("Endpoints", cells.endpoints), age],
  "endpointslices.discovery.k8s.io": [
    text("AddressType", (slice) => slice["addressType"]),
    text("Ports", cells.slicePorts),
    text("Endpoints", cells.sliceAddresses),
    age,
  ],
  nodes: [
    text("Status", cells.nodeStatus),
    text("Roles", cells.nodeRoles),
    age,
    text("Version", ({ status }) => or(status?.nodeInfo?.kubeletVersion, "")),
    wide("Internal-IP", (node) => cells.nodeAddress(node, "InternalIP")),
    wide("External-IP", (node) => cells.nodeAddress(node, "ExternalIP")),
    wide("OS-Image", ({ status }) => or(status?.nodeInfo?.osImage, "<unknown>")),
    wide("Kernel-Version", ({ status }) => or(status?.nodeInfo?.kernelVersion, "<unknown>")),
    wide("Container-Runtime", ({ status }) => or(status?.nodeInfo?.containerRuntimeVersion, "<unknown>")),
  ],
  persistentvolumes: [
    text("Capacity", ({ spec }) => or(spec.capacity?.storage, "")),
    text("Access Modes", ({ spec }) => cells.accessModes(spec.accessModes)),
    text("Reclaim Policy", ({ spec }) => or(spec.persistentVolumeReclaimPolicy, "")),
    text("Status", cells.phase),
    text("Claim", ({ spec }) => (spec.claimRef === undefined ? "" : `${spec.claimRef.namespace}/${spec.claimRef.name}`)),
    text("StorageClass", ({ spec }) => or(spec.storageClassName, "")),
    text("Reason", ({ status }) => or(status?.reason, "")),
    age,
    wide("VolumeMode", ({ spec }) => or(spec.volumeMode, "<unset>")),
  ],
  persistentvolumeclaims: [
    text("Status", cells.phase),
    text("Volume", ({ spec }) => or(spec.volumeName, "")),
    text("Capacity", ({ status }) => or(status?.capacity?.storage, "")),
    text("Access Modes", ({ status }) => cells.accessModes(status?.accessModes)),
    text("StorageClass", ({ spec }) => or(spec.storageClassName, "")),
    age,
    wide("VolumeMode", ({ spec }) => or(spec.volumeMode, "<unset>")),
  ],
  "storageclasses.storage.k8s.io": [
    { ...name, cell: cells.className },
    text("Provisioner", (object) => object["provisioner"]),
    text("ReclaimPolicy", (object) => or(object["reclaimPolicy"], "Delete")),
    text("VolumeBindingMode", (object) => or(object["volumeBindingMode"], "Immediate")),
    { name: "AllowVolumeExpansion", type: "boolean", cell: (object) => object["allowVolumeExpansion"] ?? false },
    age,
  ],
  configmaps: [number("Data", (object) => Object.keys(object["data"] ?? {}).length + Object.keys(object["binaryData"] ?? {}).length), age],
  secrets: [text("Type", (object) => object["type"]), number("Data", (object) => Object.keys(object["data"] ?? {}).length), age],
  serviceaccounts: [number("Secrets", (object) => object["secrets"]?.length ?? 0), age],
  namespaces: [text("Status", cells.phase), age],
  "horizontalpodautoscalers.autoscaling": [
    text("Reference", ({ spec }) => `${spec.scaleTargetRef?.kind}/${spec.scaleTargetRef?.name}`),
    text("Targets", metricTargets),
    text("MinPods", ({ spec }) => or(spec.minReplicas, "<unset>")),
    number("MaxPods", ({ spec }) => spec.maxReplicas),
    number("Replicas", ({ status }) => status?.currentReplicas ?? 0),
    age,
  ],
  events: cells.eventColumns,
  "poddisruptionbudgets.policy": [
    text("Min Available", ({ spec }) => or(spec.minAvailable, "N/A")),
    text("Max Unavailable", ({ spec }) => or(spec.maxUnavailable, "N/A")),
    number("Allowed Disruptions", ({ status }) => status?.disruptionsAllowed ?? 0),
    age,
  ],
  limitranges: [text("Created At", ({ metadata }) => metadata.creationTimestamp)],
  resourcequotas: [age, text("Request", (quota) => cells.quotaUse(quota, false)), text("Limit", (quota) => cells.quotaUse(quota, true))],
  "nodes.metrics.k8s.io": [
    text("CPU", (metrics) => or(metrics["usage"]?.cpu, "")),
    text("Memory", (metrics) => or(metrics["usage"]?.memory, "")),
    text("Window", (metrics) => or(metrics["window"], "")),
  ],
  "pods.metrics.k8s.io": [
    text("CPU", (metrics) => cells.total(metrics, "cpu")),
    text("Memory", (metrics) => cells.total(metrics, "memory")),
    text("Window", (metrics) => or(metrics["window"], "")),
  ],
  "ingresses.networking.k8s.io": [
    text("Class", ({ spec }) => or(spec.ingressClassName)),
    text("Hosts", ({ spec }) => or((spec.rules ?? []).map(({ host }: { readonly host?: string }) => host ?? "*").join(","), "*")),
    text("Address", ({ status }) => (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }: Ingress) => ip ?? hostname ?? "").join(",")),
    text("Ports", ({ spec }) => (spec.tls === undefined ? "80" : "80, 443")),
    age,
  ],
  "networkpolicies.networking.k8s.io": [text("Pod-Selector", ({ spec }) => formatSelector(spec.podSelector)), age],
  "leases.coordination.k8s.io": [text("Holder", ({ spec }) => or(spec?.holderIdentity, "")), age],
  "priorityclasses.scheduling.k8s.io": [
    number("Value", (object) => object["value"] ?? 0),
    { name: "Global-Default", type: "boolean", cell: (object) => object["globalDefault"] ?? false },
    age,
    text("PreemptionPolicy", (object) => or(object["preemptionPolicy"], "PreemptLowerPriority")),
  ],
};
