/** Registers this machine as a Node and keeps telling that it lives: a Lease every few seconds, the status every 5 min. Spec: Kubernetes documentation, "Nodes". */
import type { Cluster, KubeObject } from "../cluster.ts";
import { formatMicroTime, formatTime, type Clock } from "../controllers/clock.ts";
import { findCondition } from "../controllers/conditions.ts";
import { hasReason } from "../controllers/controller.ts";
import { repeat } from "../controllers/repeat.ts";
import { nodeLabels, nodeStatus, type NodeFacts } from "./node-status.ts";

const STATUS_MS = 300_000;
/** A lease is renewed so many times before it ends. */
const RENEWALS = 4;
const LEASE_NAMESPACE = "kube-node-lease";

/** Renews the lease every `every` milliseconds. Resolves when the Node is Ready; dispose ends the heartbeat and leaves the Node. */
export async function startHeartbeat(cluster: Cluster, clock: Clock, facts: NodeFacts, every: number): Promise<Disposable> {
  await register(cluster, facts);
  await writeStatus(cluster, clock, facts);
  const duration = Math.ceil((every * RENEWALS) / 1000);
  await renew(cluster, clock, facts.name, duration);
  const lease = repeat(clock, every, async () => {
    await renew(cluster, clock, facts.name, duration);
    if (!isReady(cluster.get("nodes", { namespace: undefined, name: facts.name }))) await writeStatus(cluster, clock, facts);
  });
  const status = repeat(clock, STATUS_MS, async () => await writeStatus(cluster, clock, facts));
  return {
    [Symbol.dispose](): void {
      lease[Symbol.dispose]();
      status[Symbol.dispose]();
    },
  };
}

/** It may have been taken for lost: while the machine slept, nothing here ran. */
function isReady(node: KubeObject | undefined): boolean {
  return node !== undefined && findCondition(node, "Ready")?.status === "True";
}

async function register(cluster: Cluster, { name }: NodeFacts): Promise<void> {
  const labels = nodeLabels(name);
  await createOnce(cluster, "nodes", { apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec: {} });
  await cluster.modify("nodes", { namespace: undefined, name }, (node) =>
    Object.entries(labels).every(([key, value]) => node.metadata.labels?.[key] === value)
      ? node
      : { ...node, metadata: { ...node.metadata, labels: { ...node.metadata.labels, ...labels } } },
  );
}

async function writeStatus(cluster: Cluster, clock: Clock, facts: NodeFacts): Promise<void> {
  const now = formatTime(clock.now());
  await cluster.modify("nodes", { namespace: undefined, name: facts.name }, (node) => ({ ...node, status: nodeStatus(facts, node.status, now) }), {
    status: true,
  });
}

async function renew(cluster: Cluster, clock: Clock, name: string, leaseDurationSeconds: number): Promise<void> {
  const renewTime = formatMicroTime(clock.now());
  const key = { namespace: LEASE_NAMESPACE, name };
  const renewed = await cluster.modify("leases.coordination.k8s.io", key, (lease) => ({ ...lease, spec: { ...lease.spec, leaseDurationSeconds, renewTime } }));
  if (renewed !== undefined) return;
  await createOnce(cluster, "namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: LEASE_NAMESPACE } });
  const node = cluster.get("nodes", { namespace: undefined, name }) as KubeObject;
  const owner = { apiVersion: "v1", kind: "Node", name, uid: node.metadata.uid };
  const spec = { holderIdentity: name, leaseDurationSeconds, renewTime };
  await createOnce(cluster, "leases.coordination.k8s.io", {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { ...key, ownerReferences: [owner] },
    spec,
  });
}

async function createOnce(cluster: Cluster, ...[resource, draft]: Parameters<Cluster["create"]>): Promise<void> {
  try {
    await cluster.create(resource, draft);
  } catch (error) {
    if (!hasReason(error, "AlreadyExists")) throw error;
  }
}
