/** Cells of tables that take more than a field to fill. */
import type { KubeObject } from "../cluster.ts";
import { sumQuantities } from "../schema/quantity.ts";
import { isDefaultClass } from "../storage/classes.ts";
import { formatAge } from "./age.ts";
import type { Cell, Column } from "./column.ts";

const none = "<none>";
/** Addresses shown before "more". */
const SHOWN_ADDRESSES = 3;

export function containerNames(template: any): string {
  return (template?.spec?.containers ?? []).map(({ name }: any) => name).join(",");
}

export function containerImages(template: any): string {
  return (template?.spec?.containers ?? []).map(({ image }: any) => image).join(",");
}

export function counts(number: (title: string, cell: Cell) => Column): Column[] {
  return [
    number("Desired", ({ spec }) => spec.replicas ?? 0),
    number("Current", ({ status }) => status?.replicas ?? 0),
    number("Ready", ({ status }) => status?.readyReplicas ?? 0),
  ];
}

export function readinessGates({ spec, status }: KubeObject): string {
  const gates: any[] = spec.readinessGates ?? [];
  if (gates.length === 0) return none;
  const open = gates.filter(({ conditionType }) => status?.conditions?.some(({ type, status: value }: any) => type === conditionType && value === "True"));
  return `${open.length}/${gates.length}`;
}

export function controller({ metadata }: KubeObject): string {
  const owner = metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (owner === undefined) return none;
  const group = owner.apiVersion.includes("/") ? `.${owner.apiVersion.split("/")[0]}` : "";
  return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
}

export function jobStatus({ metadata, spec, status }: KubeObject): string {
  const has = (type: string): boolean => (status?.conditions ?? []).some((condition: any) => condition.type === type && condition.status === "True");
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
  const balanced = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }: any) => ip ?? hostname);
  const all = [...balanced, ...(spec.externalIPs ?? [])];
  if (all.length > 0) return all.join(",");
  return spec.type === "LoadBalancer" ? "<pending>" : none;
}

export function servicePorts({ spec }: KubeObject): string {
  const ports: any[] = spec.ports ?? [];
  return ports.length === 0
    ? none
    : ports.map(({ port, nodePort, protocol }) => (nodePort === undefined ? `${port}/${protocol}` : `${port}:${nodePort}/${protocol}`)).join(",");
}

export function endpoints(object: KubeObject): string {
  const all = (object["subsets"] ?? []).flatMap(({ addresses = [], ports }: any) =>
    addresses.flatMap(({ ip }: any) => (ports === undefined ? [ip] : ports.map(({ port }: any) => `${ip}:${port}`))),
  );
  return more(all);
}

export function slicePorts(object: KubeObject): string {
  const ports = (object["ports"] ?? []).map(({ port, name }: any) => String(port ?? name ?? "*"));
  return ports.length === 0 ? "<unset>" : more(ports);
}

export function sliceAddresses(object: KubeObject): string {
  const addresses = (object["endpoints"] ?? []).flatMap((endpoint: any) => endpoint.addresses ?? []);
  return addresses.length === 0 ? "<unset>" : more(addresses);
}

function more(items: readonly string[]): string {
  if (items.length === 0) return none;
  const hidden = items.length - SHOWN_ADDRESSES;
  return items.slice(0, SHOWN_ADDRESSES).join(",") + (hidden > 0 ? ` + ${hidden} more...` : "");
}

export function nodeStatus({ spec, status }: KubeObject): string {
  const ready = status?.conditions?.find(({ type }: any) => type === "Ready");
  const word = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return spec?.unschedulable === true ? `${word},SchedulingDisabled` : word;
}

export function nodeRoles({ metadata }: KubeObject): string {
  const prefix = "node-role.kubernetes.io/";
  const roles = Object.keys(metadata.labels ?? {})
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
  return roles.length === 0 ? none : roles.toSorted().join(",");
}

export function nodeAddress({ status }: KubeObject, type: string): string {
  return status?.addresses?.find((address: any) => address.type === type)?.address ?? none;
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
  const amounts: readonly string[] = (metrics["containers"] ?? []).map(({ usage }: any) => usage[name]);
  return sumQuantities(amounts);
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
