/** Cells of tables that take more than a field to fill. */
import type { KubeObject } from "../../cluster.ts";
import { sumQuantities } from "../../schema/quantity.ts";
import { isDefaultClass } from "../../storage/classes.ts";
import { formatAge } from "./age.ts";
import type { Cell, Column } from "./column.ts";

const none = "<none>";
/** Addresses shown before "more". */
const SHOWN_ADDRESSES = 3;

interface PodTemplate {
  readonly spec?: { readonly containers?: readonly { readonly name: string; readonly image?: string }[] };
}

export function containerNames(template: PodTemplate | undefined): string {
  return (template?.spec?.containers ?? []).map(({ name }) => name).join(",");
}

export function containerImages(template: PodTemplate | undefined): string {
  return (template?.spec?.containers ?? []).map(({ image }) => image).join(",");
}

interface Condition {
  readonly type: string;
  readonly status: string;
}

function conditionOf({ status }: KubeObject, type: string): Condition | undefined {
  const conditions: readonly Condition[] = status?.conditions ?? [];
  return conditions.find((condition) => condition.type === type);
}

export function counts(number: (title: string, cell: Cell) => Column): Column[] {
  return [
    number("Desired", ({ spec }) => spec.replicas ?? 0),
    number("Current", ({ status }) => status?.replicas ?? 0),
    number("Ready", ({ status }) => status?.readyReplicas ?? 0),
  ];
}

export function readinessGates(pod: KubeObject): string {
  const gates: readonly { readonly conditionType: string }[] = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return none;
  const open = gates.filter(({ conditionType }) => conditionOf(pod, conditionType)?.status === "True");
  return `${open.length}/${gates.length}`;
}

export function controller({ metadata }: KubeObject): string {
  const owner = metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (owner === undefined) return none;
  const group = owner.apiVersion.includes("/") ? `.${owner.apiVersion.split("/")[0]}` : "";
  return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
}

export function jobStatus(job: KubeObject): string {
  const { metadata, spec } = job;
  const has = (type: string): boolean => conditionOf(job, type)?.status === "True";
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  if (has("Suspended") || spec.suspend === true) return "Suspended";
  if (has("FailureTarget")) return "FailureTarget";
  return has("SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
}

export function jobCompletions({ spec, status }: KubeObject): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`;
  return (spec.parallelism ?? 1) > 1 ? `${succeeded}/1 of ${spec.parallelism}` : `${succeeded}/1`;
}

export function externalIp({ spec, status }: KubeObject): string {
  if (spec.type === "ExternalName") return spec.externalName ?? "";
  const balanced: readonly { readonly ip?: string; readonly hostname?: string }[] = status?.loadBalancer?.ingress ?? [];
  const all = [...balanced.map(({ ip, hostname }) => ip ?? hostname), ...(spec.externalIPs ?? [])];
  if (all.length > 0) return all.join(",");
  return spec.type === "LoadBalancer" ? "<pending>" : none;
}

export function servicePorts({ spec }: KubeObject): string {
  const ports: readonly { readonly port: number; readonly nodePort?: number; readonly protocol: string }[] = spec.ports ?? [];
  return ports.length === 0
    ? none
    : ports.map(({ port, nodePort, protocol }) => (nodePort === undefined ? `${port}/${protocol}` : `${port}:${nodePort}/${protocol}`)).join(",");
}

interface Subset {
  readonly addresses?: readonly { readonly ip: string }[];
  readonly ports?: readonly { readonly port: number }[];
}

export function endpoints(object: KubeObject): string {
  const subsets: readonly Subset[] = object["subsets"] ?? [];
  return more(
    subsets.flatMap(({ addresses = [], ports }) => addresses.flatMap(({ ip }) => (ports === undefined ? [ip] : ports.map(({ port }) => `${ip}:${port}`)))),
  );
}

export function slicePorts(object: KubeObject): string {
  const ports: readonly { readonly port?: number; readonly name?: string }[] = object["ports"] ?? [];
  return ports.length === 0 ? "<unset>" : more(ports.map(({ port, name }) => String(port ?? name ?? "*")));
}

export function sliceAddresses(object: KubeObject): string {
  const slice: readonly { readonly addresses?: readonly string[] }[] = object["endpoints"] ?? [];
  const addresses = slice.flatMap((endpoint) => endpoint.addresses ?? []);
  return addresses.length === 0 ? "<unset>" : more(addresses);
}

function more(items: readonly string[]): string {
  if (items.length === 0) return none;
  const hidden = items.length - SHOWN_ADDRESSES;
  return items.slice(0, SHOWN_ADDRESSES).join(",") + (hidden > 0 ? ` + ${hidden} more...` : "");
}

export function nodeStatus(node: KubeObject): string {
  const ready = conditionOf(node, "Ready");
  const word = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return node.spec?.unschedulable === true ? `${word},SchedulingDisabled` : word;
}

export function nodeRoles({ metadata }: KubeObject): string {
  const prefix = "node-role.kubernetes.io/";
  const roles = Object.keys(metadata.labels ?? {})
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
  return roles.length === 0 ? none : roles.toSorted().join(",");
}

export function nodeAddress({ status }: KubeObject, type: string): string {
  const addresses: readonly { readonly type: string; readonly address: string }[] = status?.addresses ?? [];
  return addresses.find((one) => one.type === type)?.address ?? none;
}

const shortModes: Readonly<Record<string, string>> = { ReadWriteOnce: "RWO", ReadOnlyMany: "ROX", ReadWriteMany: "RWX", ReadWriteOncePod: "RWOP" };

export function accessModes(modes: readonly string[] | undefined): string {
  return (modes ?? []).map((mode) => shortModes[mode] ?? mode).join(",");
}

export function className(object: KubeObject): string {
  return isDefaultClass(object) ? `${object.metadata.name} (default)` : object.metadata.name;
}

export function phase({ metadata, status }: KubeObject): string {
  return metadata.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating";
}

/** `pods: 1/10, requests.cpu: 200m/1`; the limits of containers stand apart. */
export function quotaUse({ status }: KubeObject, limits: boolean): string {
  const names = Object.keys(status?.hard ?? {}).toSorted();
  const own = names.filter((name) => name.startsWith("limits.") === limits);
  return own.map((name) => `${name}: ${status.used?.[name] ?? 0}/${status.hard[name]}`).join(", ");
}

/** Of all containers of a PodMetrics. */
export function total(metrics: KubeObject, name: "cpu" | "memory"): string {
  const containers: readonly { readonly usage: Readonly<Record<"cpu" | "memory", string>> }[] = metrics["containers"] ?? [];
  return sumQuantities(containers.map(({ usage }) => usage[name]));
}

const lastSeen = (event: KubeObject): string | undefined => event["series"]?.lastObservedTime ?? event["lastTimestamp"] ?? event["eventTime"];

export const eventColumns: readonly Column[] = [
  { name: "Last Seen", cell: (event, now) => formatAge(lastSeen(event), now) },
  { name: "Type", cell: (event) => event["type"] ?? "" },
  { name: "Reason", cell: (event) => event["reason"] ?? "" },
  { name: "Object", cell: ({ involvedObject }) => `${(involvedObject?.kind ?? "").toLowerCase()}/${involvedObject?.name ?? ""}` },
  { name: "Subobject", priority: 1, cell: ({ involvedObject }) => involvedObject?.fieldPath ?? "" },
  {
    name: "Source",
    priority: 1,
    cell: ({ source, reportingComponent }) =>
      [source?.component ?? reportingComponent, source?.host].filter((part) => part !== undefined && part !== "").join(", "),
  },
  { name: "Message", cell: (event) => (event["message"] ?? "").trim() },
  { name: "First Seen", priority: 1, cell: (event, now) => formatAge(event["firstTimestamp"] ?? event["eventTime"], now) },
  { name: "Count", type: "integer", priority: 1, cell: (event) => event["series"]?.count ?? event["count"] ?? 1 },
  { name: "Name", priority: 1, cell: ({ metadata }) => metadata.name },
];
