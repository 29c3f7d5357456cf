import { describe, expect, test } from "vitest";
import type { Cluster, KubeObject, WatchEvent } from "../../orchestrator/cluster.ts";
import { chooseNode } from "../../orchestrator/scheduler/choose.ts";
import { Ledger } from "../../orchestrator/scheduler/ledger.ts";
import { podRequests } from "../../orchestrator/scheduler/requests.ts";
import { scheduler } from "../../orchestrator/scheduler/scheduler.ts";
import { FakeClock } from "./fake-clock.ts";
import { meta, pod } from "./objects.ts";

interface NodeOptions {
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: object;
}

function node(name: string, { cpu = "2", memory = "4Gi", pods = "110", labels = {}, spec = {} }: NodeOptions = {}): KubeObject {
  return { apiVersion: "v1", kind: "Node", metadata: meta(name, { labels }), spec, status: { allocatable: { cpu, memory, pods } } };
}

function ledger(nodes: readonly KubeObject[], placed: readonly KubeObject[] = []): Ledger {
  const result = new Ledger();
  for (const object of nodes) result.onNode({ type: "ADDED", object });
  for (const object of placed) result.onPod({ type: "ADDED", object });
  return result;
}

function asking(name: string, requests: Readonly<Record<string, string>>, more: object = {}): KubeObject {
  return pod(name, { node: "", spec: { containers: [{ name: "main", image: "web:v1", resources: { requests } }], ...more } });
}

const placed = (name: string, on: string, requests: Readonly<Record<string, string>>, more: object = {}): KubeObject =>
  pod(name, { node: on, spec: { containers: [{ name: "main", image: "web:v1", resources: { requests } }], nodeName: on, ...more } });

const refusals = [
  { name: "no node at all", nodes: [], pod: asking("p", {}), message: "no nodes available to schedule pods" },
  { name: "not enough cpu", nodes: [node("a", { cpu: "500m" })], pod: asking("p", { cpu: "1" }), message: "0/1 nodes are available: 1 Insufficient cpu." },
  {
    name: "each node short of something else",
    nodes: [node("a", { cpu: "500m" }), node("b", { memory: "1Mi" }), node("c", { cpu: "1m", memory: "1Mi" })],
    pod: asking("p", { cpu: "1", memory: "1Gi" }),
    message: "0/3 nodes are available: 2 Insufficient cpu, 2 Insufficient memory.",
  },
  {
    name: "a cordoned node",
    nodes: [node("a", { spec: { unschedulable: true } })],
    pod: asking("p", {}),
    message: "0/1 nodes are available: 1 node(s) were unschedulable.",
  },
  {
    name: "a taint",
    nodes: [node("a", { spec: { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] } })],
    pod: asking("p", {}),
    message: "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.",
  },
  {
    name: "a node selector",
    nodes: [node("a")],
    pod: asking("p", {}, { nodeSelector: { disk: "ssd" } }),
    message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
  },
  { name: "too many pods", nodes: [node("a", { pods: "0" })], pod: asking("p", {}), message: "0/1 nodes are available: 1 Too many pods." },
];
test.each(refusals)("the scheduler tells of $name", (row) => {
  expect(chooseNode(row.pod, ledger(row.nodes).nodes, () => 0)).toEqual({ refused: row.message });
});

const choices = [
  { name: "the emptier node", nodes: [node("a"), node("b")], placed: [placed("x", "a", { cpu: "1" })], pod: asking("p", { cpu: "100m" }), node: "b" },
  {
    name: "the node whose label it asks for",
    nodes: [node("a"), node("b", { labels: { disk: "ssd" } })],
    placed: [],
    pod: asking(
      "p",
      {},
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] }] },
          },
        },
      },
    ),
    node: "b",
  },
  {
    name: "a tainted node that it tolerates",
    nodes: [node("a", { spec: { taints: [{ key: "gpu", effect: "NoSchedule" }] } })],
    placed: [],
    pod: asking("p", {}, { tolerations: [{ key: "gpu", operator: "Exists" }] }),
    node: "a",
  },
  {
    name: "a node where its host port is free",
    nodes: [node("a"), node("b")],
    placed: [pod("x", { node: "a", spec: { containers: [{ name: "m", ports: [{ containerPort: 80, hostPort: 80 }] }], nodeName: "a" } })],
    pod: pod("p", { node: "", spec: { containers: [{ name: "m", ports: [{ containerPort: 80, hostPort: 80 }] }] } }),
    node: "b",
  },
];
test.each(choices)("the scheduler picks $name", (row) => {
  expect(chooseNode(row.pod, ledger(row.nodes, row.placed).nodes, () => 0)).toEqual({ node: row.node });
});

describe("what is promised on a node", () => {
  test("is given back when a pod ends or goes", () => {
    const book = ledger([node("a", { cpu: "1" })], [placed("x", "a", { cpu: "1" })]);
    const next = asking("p", { cpu: "1" });
    expect(chooseNode(next, book.nodes, () => 0)).toHaveProperty("refused");
    book.onPod({ type: "DELETED", object: placed("x", "a", { cpu: "1" }) });
    expect(chooseNode(next, book.nodes, () => 0)).toEqual({ node: "a" });
  });

  test("counts a pod once, whether assumed or seen", () => {
    const book = ledger([node("a", { cpu: "2" })]);
    const one = placed("x", "a", { cpu: "1" });
    book.assume(one, "a");
    book.onPod({ type: "MODIFIED", object: one });
    expect(book.nodes[0]?.requested).toEqual({ cpu: 1000 });
  });

  test("a pod's need is the larger of its containers together and its greediest init container", () => {
    const inits = [
      { name: "i", resources: { requests: { cpu: "3" } } },
      { name: "s", restartPolicy: "Always", resources: { requests: { cpu: "500m" } } },
    ];
    expect(podRequests(asking("p", { cpu: "1", memory: "1Mi" }, { initContainers: inits }))).toEqual({ cpu: 3000, memory: 2 ** 20 });
  });
});

const running = pod("other");
const wakes: readonly { readonly name: string; readonly event: WatchEvent; readonly wakes: boolean }[] = [
  { name: "begins to run", event: { type: "MODIFIED", object: running, previous: pod("other", { phase: "Pending" }) }, wakes: false },
  { name: "ends", event: { type: "MODIFIED", object: pod("other", { phase: "Succeeded" }), previous: running }, wakes: true },
  { name: "ended long ago", event: { type: "MODIFIED", object: pod("other", { phase: "Failed" }), previous: pod("other", { phase: "Failed" }) }, wakes: false },
  { name: "goes", event: { type: "DELETED", object: running }, wakes: true },
];
test.each(wakes)("those that found no room are looked at again: $wakes, when a pod $name", async ({ event, wakes: want }) => {
  const cluster = { get: () => pod("waiting", { node: "" }), list: () => [], modify: async () => await Promise.resolve(undefined) } as unknown as Cluster;
  const controller = scheduler({ cluster, clock: new FakeClock(), recorder: { record: () => {} } });
  await controller.reconcile({ namespace: "default", name: "waiting" });
  expect([...(controller.watches["pods"]?.(event) ?? [])].map(({ name }) => name)).toEqual(want ? ["waiting"] : []);
});

test.each([
  { name: "waits for no write", volumes: [], begun: 2 },
  { name: "waits for the one before it where volumes are claimed", volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }], begun: 1 },
])("a decision $name", async ({ volumes, begun }) => {
  const [binds, bound] = [[] as string[], [] as (() => void)[]];
  const claim = { metadata: meta("data", { annotations: { "pv.kubernetes.io/bind-completed": "yes" } }), spec: { volumeName: "v" } };
  const found: Readonly<Record<string, unknown>> = { persistentvolumeclaims: claim };
  const cluster = {
    get: (resource: string, { name }: { readonly name: string }) => found[resource] ?? pod(name, { node: "", spec: { volumes } }),
    list: (resource: string) => (resource === "persistentvolumes" ? [{ metadata: meta("v"), spec: {} }] : []),
    bind: async ({ name }: { readonly name: string }) => {
      binds.push(name);
      await new Promise<void>((resolve) => bound.push(resolve));
    },
  } as unknown as Cluster;
  const controller = scheduler({ cluster, clock: new FakeClock(), recorder: { record: () => {} } });
  controller.watches["nodes"]?.({ type: "ADDED", object: node("a") });
  const done = Promise.all(["x", "y"].map(async (name) => await controller.reconcile({ namespace: "default", name })));
  await expect.poll(() => binds).toHaveLength(begun);
  for (let given = 0; given < 2; given++) {
    await expect.poll(() => bound.length).toBeGreaterThan(given);
    bound[given]?.();
  }
  await done;
  expect(binds).toEqual(["x", "y"]);
});

test("spreads a thousand pods evenly over a thousand nodes", () => {
  const book = ledger(Array.from({ length: 1000 }, (_, index) => node(`n${index}`)));
  for (let index = 0; index < 1000; index++) {
    const next = asking(`p${index}`, { cpu: "100m", memory: "64Mi" });
    const choice = chooseNode(next, book.nodes, Math.random);
    if ("node" in choice) book.assume(next, choice.node);
  }
  expect(Math.max(...book.nodes.map(({ pods }) => pods))).toBe(1);
});
