/** The scheduler alone: nodes and pods on paper in a real object log, and nobody who would run them. */
import { systemClock } from "../../orchestrator/controllers/clock.ts";
import { runController } from "../../orchestrator/controllers/controller.ts";
import { createRecorder } from "../../orchestrator/controllers/events.ts";
import { openApi } from "../../orchestrator/open-api.ts";
import type { Cluster } from "../../orchestrator/cluster.ts";
import { scheduler } from "../../orchestrator/scheduler/scheduler.ts";

const COMPONENT = "default-scheduler";
/** Written together. */
const BATCH = 50;

export interface Sizes {
  readonly nodes: number;
  readonly pods: number;
}

/** Pods that got their node a second: decided, written, told in an event. @param root an empty folder */
export async function schedulingRate(root: string, { nodes, pods }: Sizes): Promise<number> {
  await using api = await openApi({ root, listen: { host: "127.0.0.1", port: 0 } });
  const { cluster } = api;
  await inBatches(nodes, async (at) => await addNode(cluster, `node-${at}`));
  await inBatches(pods, async (at) => await addPod(cluster, `pod-${at}`));
  const all = placed(cluster, pods);
  const start = performance.now();
  const recorder = createRecorder({ cluster, clock: systemClock, component: COMPONENT });
  await using _running = runController(cluster, scheduler({ cluster, clock: systemClock, recorder }));
  await all;
  return pods / ((performance.now() - start) / 1000);
}

async function placed(cluster: Cluster, pods: number): Promise<void> {
  let count = 0;
  await new Promise<void>((resolve) => {
    const watch = cluster.watch("pods", ({ object, previous }) => {
      if (object.spec.nodeName && !previous?.spec.nodeName) count++;
      if (count < pods) return;
      watch[Symbol.dispose]();
      resolve();
    });
  });
}

async function inBatches(count: number, add: (at: number) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < count; at += BATCH) await Promise.all(Array.from({ length: Math.min(BATCH, count - at) }, async (_, offset) => await add(at + offset)));
}

async function addNode(cluster: Cluster, name: string): Promise<void> {
  const capacity = { cpu: "16", memory: "64Gi", pods: "110" };
  const conditions = [{ type: "Ready", status: "True", reason: "KubeletReady", message: "" }];
  await cluster.create("nodes", { apiVersion: "v1", kind: "Node", metadata: { name, labels: { "kubernetes.io/hostname": name } }, spec: {} });
  const status = { capacity, allocatable: capacity, conditions };
  await cluster.modify("nodes", { namespace: undefined, name }, (node) => ({ ...node, status }), { status: true });
}

async function addPod(cluster: Cluster, name: string): Promise<void> {
  const container = { name: "main", image: "localhost/pod:latest", resources: { requests: { cpu: "100m", memory: "128Mi" } } };
  await cluster.create("pods", { apiVersion: "v1", kind: "Pod", metadata: { namespace: "default", name }, spec: { containers: [container] } });
}
