/**
 * What the names below `cluster.local` stand for, from Services and EndpointSlices. Decides, and does nothing.
 * Spec: "Kubernetes DNS-Based Service Discovery" 1.1.0.
 */
import type { StringAnswer, SrvAnswer, TxtAnswer } from "dns-packet";
import type { Cluster, KubeObject } from "../cluster.ts";
import { SERVICE_LABEL, SLICES, type ServicePort } from "../controllers/endpoints/plan.ts";
import { dnsService } from "../objects/furnish.ts";

export type Record = StringAnswer | SrvAnswer | TxtAnswer;

export type Found =
  /** Not ours to tell. */
  | { readonly kind: "foreign" }
  | { readonly kind: "unknown" }
  /** `records` empty: the name is there, and has none of this type. */
  | { readonly kind: "known"; readonly records: readonly Record[]; readonly more: readonly Record[] };

export type NameSource = Pick<Cluster, "get" | "list">;

export const DOMAIN = "cluster.local";
/** Seconds, for records and for their absence. */
export const TTL = 5;
const SPECIFICATION = "1.1.0";

const UNKNOWN: Found = { kind: "unknown" };
const known = (records: readonly Record[] = [], more: readonly Record[] = []): Found => ({ kind: "known", records, more });

/** `name` without the last dot, in any case; answers carry it as it was asked. */
export function findRecords(source: NameSource, name: string, type: string): Found {
  const lower = name.toLowerCase();
  if (lower.endsWith(".in-addr.arpa")) return reverse(source, name, type);
  if (lower !== DOMAIN && !lower.endsWith(`.${DOMAIN}`)) return { kind: "foreign" };
  const labels = lower.split(".").slice(0, -2).reverse();
  const [kind, namespace, ...rest] = labels;
  if (kind === undefined) return known();
  if (kind === "dns-version" && namespace === undefined) return known(type === "TXT" ? [{ type: "TXT", name, ttl: TTL, data: SPECIFICATION }] : []);
  if (kind === "dns") return namespace === undefined ? known() : namespace === "ns" && rest.length === 0 ? nameServer(source, name, type) : UNKNOWN;
  if (kind !== "svc" && kind !== "pod") return UNKNOWN;
  if (namespace === undefined) return known();
  if (source.get("namespaces", { namespace: undefined, name: namespace }) === undefined) return UNKNOWN;
  if (rest.length === 0) return known();
  return kind === "pod" ? podAddress(name, type, rest) : ofService(source, { name, type, namespace }, rest);
}

interface Question {
  readonly name: string;
  readonly type: string;
  readonly namespace: string;
}

function ofService(source: NameSource, question: Question, [serviceName = "", ...rest]: readonly string[]): Found {
  const { name, type, namespace } = question;
  const service = source.get("services", { namespace, name: serviceName });
  if (service === undefined) return UNKNOWN;
  if (service.spec.type === "ExternalName") {
    return rest.length > 0 ? UNKNOWN : known([{ type: "CNAME", name, ttl: TTL, data: String(service.spec.externalName).replace(/\.$/, "") }]);
  }
  const slices = slicesOf(source, service);
  if (rest.length === 0) return serviceAddresses(service, slices, name, type);
  if (rest.length === 2 && rest.every((label) => label.startsWith("_")))
    return ports(service, slices, question, { protocol: rest[0]!.slice(1), port: rest[1]!.slice(1) });
  const one = rest.length === 1 ? endpointsOf(slices).filter((endpoint) => labelOf(endpoint) === rest[0]) : [];
  return one.length === 0 ? UNKNOWN : known(type === "A" ? addresses(name, one) : []);
}

function serviceAddresses(service: KubeObject, slices: readonly KubeObject[], name: string, type: string): Found {
  if (!isHeadless(service)) {
    if (type === "SRV") return allPorts(service, slices, name);
    return known(type === "A" ? [{ type: "A", name, ttl: TTL, data: service.spec.clusterIP }] : []);
  }
  const ready = endpointsOf(slices);
  if (ready.length === 0) return UNKNOWN;
  return type === "SRV" ? allPorts(service, slices, name) : known(type === "A" ? addresses(name, ready) : []);
}

function allPorts(service: KubeObject, slices: readonly KubeObject[], name: string): Found {
  const all = portsOf(service).map((port) => servers(service, slices, name, port));
  return known(
    all.flatMap(({ records }) => records),
    all.flatMap(({ more }) => more),
  );
}

function ports(
  service: KubeObject,
  slices: readonly KubeObject[],
  { name, type }: Question,
  wanted: { readonly protocol: string; readonly port: string },
): Found {
  const port = portsOf(service).find((one) => one.name === wanted.port && (one.protocol ?? "TCP").toLowerCase() === wanted.protocol);
  if (port === undefined) return UNKNOWN;
  const { records, more } = servers(service, slices, name, port);
  if (records.length === 0) return UNKNOWN;
  return type === "SRV" ? known(records, more) : known();
}

/** SRV records of a port, with the addresses of their targets. */
function servers(
  service: KubeObject,
  slices: readonly KubeObject[],
  name: string,
  port: ServicePort,
): { readonly records: readonly Record[]; readonly more: readonly Record[] } {
  const base = `${service.metadata.name}.${service.metadata.namespace}.svc.${DOMAIN}`;
  const targets = isHeadless(service)
    ? slices.flatMap((slice) => {
        const ports: readonly { readonly name?: string; readonly port?: number }[] = slice["ports"] ?? [];
        const number = ports.find((one) => (one.name ?? "") === (port.name ?? ""))?.port;
        return number === undefined
          ? []
          : endpointsOf([slice]).map((endpoint) => ({ target: `${labelOf(endpoint)}.${base}`, port: number, address: endpoint.addresses[0] ?? "" }));
      })
    : [{ target: base, port: port.port, address: String(service.spec.clusterIP) }];
  const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length)));
  return {
    records: targets.map(({ target, port: number }): SrvAnswer => ({ type: "SRV", name, ttl: TTL, data: { priority: 0, weight, port: number, target } })),
    more: targets.map(({ target, address }): StringAnswer => ({ type: "A", name: target, ttl: TTL, data: address })),
  };
}

interface Endpoint {
  readonly addresses: readonly string[];
  readonly hostname?: string;
  readonly conditions?: { readonly ready?: boolean };
}

function slicesOf(source: NameSource, { metadata }: KubeObject): readonly KubeObject[] {
  return source.list(SLICES, metadata.namespace).filter(({ metadata: own }) => own.labels?.[SERVICE_LABEL] === metadata.name);
}

/** Ready ones, with IPv4 addresses. */
function endpointsOf(slices: readonly KubeObject[]): readonly Endpoint[] {
  return slices
    .filter((slice) => slice["addressType"] === "IPv4")
    .flatMap((slice): readonly Endpoint[] => slice["endpoints"] ?? [])
    .filter(({ conditions }) => conditions?.ready !== false);
}

/** Its host name, or its address with dashes. */
function labelOf({ hostname, addresses: [address = ""] }: Endpoint): string {
  return hostname === undefined || hostname === "" ? address.replaceAll(".", "-") : hostname;
}

function addresses(name: string, endpoints: readonly Endpoint[]): readonly Record[] {
  const all = new Set(endpoints.map(({ addresses: [address = ""] }) => address));
  return [...all].map((data) => ({ type: "A", name, ttl: TTL, data }));
}

function portsOf({ spec }: KubeObject): readonly ServicePort[] {
  return spec.ports ?? [];
}

function isHeadless({ spec }: KubeObject): boolean {
  return spec.clusterIP === "None";
}

/** `10-88-0-5.default.pod`: the address, whether or not a pod has it. */
function podAddress(name: string, type: string, [label = "", ...more]: readonly string[]): Found {
  if (more.length > 0 || !/^\d{1,3}(?:-\d{1,3}){3}$/.test(label)) return UNKNOWN;
  return known(type === "A" ? [{ type: "A", name, ttl: TTL, data: label.replaceAll("-", ".") }] : []);
}

function nameServer(source: NameSource, name: string, type: string): Found {
  const address = source.get("services", dnsService)?.spec.clusterIP;
  return known(type === "A" && address !== undefined ? [{ type: "A", name, ttl: TTL, data: address }] : []);
}

/** Addresses of services, and of the endpoints of headless ones. */
function reverse(source: NameSource, name: string, type: string): Found {
  const address = name
    .toLowerCase()
    .replace(/\.in-addr\.arpa$/, "")
    .split(".")
    .reverse()
    .join(".");
  const service = source.list("services").find(({ spec }) => spec.clusterIP === address);
  const answer = (target: string): Found => known(type === "PTR" ? [{ type: "PTR", name, ttl: TTL, data: target }] : []);
  if (service !== undefined) return answer(`${service.metadata.name}.${service.metadata.namespace}.svc.${DOMAIN}`);
  for (const slice of source.list(SLICES)) {
    const { namespace, labels } = slice.metadata;
    const owner = labels?.[SERVICE_LABEL] ?? "";
    const endpoint = endpointsOf([slice]).find(({ addresses: [first] }) => first === address);
    const headless = endpoint !== undefined && source.get("services", { namespace, name: owner })?.spec.clusterIP === "None";
    if (headless) return answer(`${labelOf(endpoint)}.${owner}.${namespace}.svc.${DOMAIN}`);
  }
  return { kind: "foreign" };
}
