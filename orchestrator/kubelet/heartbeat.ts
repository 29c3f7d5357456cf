/** Registers this machine as a Node and keeps telling that it lives: a Lease every 10 s, the status every 5 min. Spec: Kubernetes documentation, "Nodes". */
import type { Cluster, KubeObject } from "../cluster.ts";
import { formatMicroTime, formatTime, type Clock } from "../controllers/clock.ts";
import { hasReason } from "../controllers/controller.ts";
import { nodeLabels, nodeStatus, type NodeFacts } from "./node-status.ts";

const LEASE_MS = 10_000;
const STATUS_MS = 300_000;
const LEASE_NAMESPACE = "kube-node-lease";

/** Resolves when the Node is Ready; dispose ends the heartbeat and leaves the Node. */
export async function startHeartbeat(cluster: Cluster, clock: Clock, facts: NodeFacts): Promise<Disposable> {
  await register(cluster, facts);
  await writeStatus(cluster, clock, facts);
  await renew(cluster, clock, facts.name);
  const lease = repeat(clock, LEASE_MS, async () => await renew(cluster, clock, facts.name));
  const status = repeat(clock, STATUS_MS, async () => await writeStatus(cluster, clock, facts));
  return {
    [Symbol.dispose](): void {
      lease[Symbol.dispose]();
      status[Symbol.dispose]();
    },
  };
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

async function renew(cluster: Cluster, clock: Clock, name: string): Promise<void> {
  const renewTime = formatMicroTime(clock.now());
  const key = { namespace: LEASE_NAMESPACE, name };
  const renewed = await cluster.modify("leases.coordination.k8s.io", key, (lease) => ({ ...lease, spec: { ...lease.spec, renewTime } }));
  if (renewed !== undefined) return;
  await createOnce(cluster, "namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: LEASE_NAMESPACE } });
  const node = cluster.get("nodes", { namespace: undefined, name }) as KubeObject;
  const owner = { apiVersion: "v1", kind: "Node", name, uid: node.metadata.uid };
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
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

/** A beat that fails is missed; the next one comes when this one is done. */
export function repeat(clock: Clock, every: number, beat: () => Promise<void>): Disposable {
  let timer: Disposable;
  const schedule = (): void => {
    timer = clock.after(every, () => {
      void beat()
        .catch(() => {})
        .finally(() => void (ended || schedule()));
    });
  };
  let ended = false;
  schedule();
  return {
    [Symbol.dispose](): void {
      ended = true;
      timer[Symbol.dispose]();
    },
  };
}
