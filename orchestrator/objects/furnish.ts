/** What a new cluster starts with: its namespaces, and the service by which pods reach the API. Idempotent. */
import type { Cluster } from "../cluster.ts";
import { ApiError } from "../errors.ts";

export interface Furnishing {
  readonly serviceAddress: string;
  readonly host: string;
  readonly port: number;
}

const namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** Of the cluster's own pods: above what users may give. */
const priorities = [
  { name: "system-cluster-critical", value: 2_000_000_000 },
  { name: "system-node-critical", value: 2_000_001_000 },
].map(({ name, value }) => ({ apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name }, value }));

export async function furnishCluster(cluster: Cluster, { serviceAddress, host, port }: Furnishing): Promise<void> {
  await Promise.all(
    namespaces
      .filter((name) => cluster.get("namespaces", { namespace: undefined, name }) === undefined)
      .map((name) => cluster.create("namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } })),
  );
  await Promise.all(priorities.map(async (one) => await unlessThere(cluster.create("priorityclasses.scheduling.k8s.io", one))));
  const labels = { component: "apiserver", provider: "kubernetes" };
  const metadata = { name: "kubernetes", namespace: "default", labels };
  const spec = { clusterIP: serviceAddress, ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: port }] };
  await unlessThere(cluster.create("services", { apiVersion: "v1", kind: "Service", metadata, spec }));
  const subsets = [{ addresses: [{ ip: host }], ports: [{ name: "https", port, protocol: "TCP" }] }];
  await unlessThere(cluster.create("endpoints", { apiVersion: "v1", kind: "Endpoints", metadata, subsets }));
  await cluster.modify("endpoints", metadata, (current) => ({ ...current, subsets }));
}

async function unlessThere(outcome: Promise<unknown>): Promise<void> {
  try {
    await outcome;
  } catch (error) {
    if (!(error instanceof ApiError && (error.code === "AlreadyExists" || error.code === "Invalid"))) throw error;
  }
}
