/** What a new cluster starts with: its namespaces, and the services by which pods reach the API and the names. Idempotent. */
import type { Cluster, ObjectKey } from "../cluster.ts";
import { ApiError } from "../errors.ts";
import { addressIn } from "./service-addresses.ts";

export interface Furnishing {
  readonly serviceCidr: string;
  readonly api: { readonly address: string; readonly port: number };
  /** Address of the name server; undefined when there is none. */
  readonly names: string | undefined;
}

interface OwnService {
  readonly key: ObjectKey;
  readonly labels: Readonly<Record<string, string>>;
  readonly clusterIP: string;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number; readonly target: number }[];
}

const namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];
/** Place in the range of service addresses, as everywhere. */
const DNS_OFFSET = 10;

/** Of the cluster's own pods: above what users may give. */
const priorities = [
  { name: "system-cluster-critical", value: 2_000_000_000 },
  { name: "system-node-critical", value: 2_000_001_000 },
].map(({ name, value }) => ({ apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name }, value }));

const apiService = { namespace: "default", name: "kubernetes" } as const;
export const dnsService = { namespace: "kube-system", name: "kube-dns" } as const;

export async function furnishCluster(cluster: Cluster, { serviceCidr, api, names }: Furnishing): Promise<void> {
  await Promise.all(
    namespaces
      .filter((name) => cluster.get("namespaces", { namespace: undefined, name }) === undefined)
      .map((name) => cluster.create("namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } })),
  );
  await Promise.all(priorities.map(async (one) => await unlessThere(cluster.create("priorityclasses.scheduling.k8s.io", one))));
  await furnishService(cluster, api.address, {
    key: apiService,
    labels: { component: "apiserver", provider: "kubernetes" },
    clusterIP: addressIn(serviceCidr, 1),
    ports: [{ name: "https", protocol: "TCP", port: 443, target: api.port }],
  });
  if (names === undefined) return;
  await furnishService(cluster, names, {
    key: dnsService,
    labels: { "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS" },
    clusterIP: addressIn(serviceCidr, DNS_OFFSET),
    ports: [
      { name: "dns", protocol: "UDP", port: 53, target: 53 },
      { name: "dns-tcp", protocol: "TCP", port: 53, target: 53 },
    ],
  });
}

/** Who deletes all services of a namespace means his own: those come back, as an API server has it. */
export function keepFurnished(cluster: Cluster, furnishing: Furnishing, onBug: (error: unknown) => void): AsyncDisposable {
  let work = Promise.resolve();
  const watch = cluster.watch("services", ({ type, object: { metadata } }) => {
    const isOwn = [apiService, dnsService].some(({ namespace, name }) => metadata.namespace === namespace && metadata.name === name);
    if (type === "DELETED" && isOwn) work = work.then(async () => await furnishCluster(cluster, furnishing)).catch(onBug);
  });
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      watch[Symbol.dispose]();
      await work;
    },
  };
}

async function furnishService(cluster: Cluster, ip: string, { key, labels, clusterIP, ports }: OwnService): Promise<void> {
  const metadata = { name: key.name, namespace: key.namespace ?? "" };
  const wanted = ports.map(({ name, protocol, port, target }) => ({ name, port, protocol, targetPort: target }));
  await unlessThere(cluster.create("services", { apiVersion: "v1", kind: "Service", metadata: { ...metadata, labels }, spec: { clusterIP, ports: wanted } }));
  await cluster.modify("services", key, (current) => ({ ...current, spec: { ...current.spec, ports: wanted } }));
  const targets = ports.map(({ name, protocol, target }) => ({ name, port: target, protocol }));
  const subsets = [{ addresses: [{ ip }], ports: targets }];
  const own = { ...metadata, labels: { ...labels, "endpointslice.kubernetes.io/skip-mirror": "true" } };
  await unlessThere(cluster.create("endpoints", { apiVersion: "v1", kind: "Endpoints", metadata: own, subsets }));
  await cluster.modify("endpoints", key, (current) => ({ ...current, metadata: { ...current.metadata, labels: own.labels }, subsets }));
  const slice = {
    addressType: "IPv4",
    ports: targets,
    endpoints: [{ addresses: [ip], conditions: { ready: true } }],
  };
  const labelled = { ...metadata, labels: { "kubernetes.io/service-name": key.name } };
  await unlessThere(
    cluster.create("endpointslices.discovery.k8s.io", { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata: labelled, ...slice }),
  );
  await cluster.modify("endpointslices.discovery.k8s.io", key, (current) => ({ ...current, ...slice }));
}

async function unlessThere(outcome: Promise<unknown>): Promise<void> {
  try {
    await outcome;
  } catch (error) {
    if (!(error instanceof ApiError && (error.code === "AlreadyExists" || error.code === "Invalid"))) throw error;
  }
}
