import { describe, expect, test } from "vitest";
import type { Cluster, Draft, KubeObject } from "../../orchestrator/cluster.ts";
import { runController } from "../../orchestrator/controllers/controller.ts";
import { createRecorder } from "../../orchestrator/controllers/events.ts";
import { podGarbage } from "../../orchestrator/controllers/pod-garbage.ts";
import type { OwnerScale } from "../../orchestrator/controllers/disruption/owner-scale.ts";
import { planBudget } from "../../orchestrator/controllers/disruption/plan.ts";
import { isBeyondBudgets, spend } from "../../orchestrator/controllers/disruption/spend.ts";
import { planNode } from "../../orchestrator/controllers/node-lifecycle/plan.ts";
import { toleratedFor } from "../../orchestrator/controllers/taint-eviction/plan.ts";
import { settleTaints } from "../../orchestrator/objects/node-taints.ts";
import { testApi } from "./api-server.ts";
import { FakeClock, settle } from "./fake-clock.ts";
import { at, meta, NOW, pod, type PodOptions } from "./objects.ts";

function budget(spec: object, status: object = {}): KubeObject {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: meta("web", { generation: 2 }),
    spec: { selector: { matchLabels: { app: "web" } }, ...spec },
    status: { observedGeneration: 2, ...status },
  };
}

const ready: PodOptions = {};
const unready: PodOptions = { ready: false };
const owned = (replicas: number): OwnerScale => ({ kind: "scale", uid: "set", replicas });

interface BudgetCase {
  readonly name: string;
  readonly spec: object;
  readonly pods: readonly PodOptions[];
  readonly scale?: OwnerScale;
  readonly want: readonly [allowed: number, healthy: number, desired: number, expected: number];
}

const budgets: readonly BudgetCase[] = [
  { name: "of a number keeps so many", spec: { minAvailable: 2 }, pods: [ready, ready, ready], want: [1, 3, 2, 3] },
  { name: "of a number needs no controller", spec: { minAvailable: 1 }, pods: [ready, ready], scale: { kind: "none" }, want: [1, 2, 1, 2] },
  { name: "counts only ready pods", spec: { minAvailable: 2 }, pods: [ready, ready, unready], want: [0, 2, 2, 3] },
  { name: "counts no pod that is being deleted", spec: { minAvailable: 2 }, pods: [ready, ready, { deleting: true }], want: [0, 2, 2, 3] },
  {
    name: "of a share keeps that share of what the controller wants, rounded up",
    spec: { minAvailable: "50%" },
    pods: [ready, ready, ready],
    scale: owned(5),
    want: [0, 3, 3, 5],
  },
  { name: "of a maximum lets so many go", spec: { maxUnavailable: 1 }, pods: [ready, ready, ready], scale: owned(3), want: [1, 3, 2, 3] },
  { name: "of a maximum counts pods that are not there as gone", spec: { maxUnavailable: 1 }, pods: [ready, ready], scale: owned(3), want: [0, 2, 2, 3] },
  { name: "of a maximum share rounds up", spec: { maxUnavailable: "30%" }, pods: [ready, ready, ready, ready], scale: owned(4), want: [2, 4, 2, 4] },
  { name: "of a maximum above all lets all go", spec: { maxUnavailable: 9 }, pods: [ready], scale: owned(1), want: [1, 1, 0, 1] },
  { name: "of no pods allows nothing", spec: { minAvailable: 0 }, pods: [], want: [0, 0, 0, 0] },
];
test.each(budgets)("a budget $name", ({ spec, pods, scale = owned(pods.length), want }) => {
  const { status } = planBudget({ budget: budget(spec), pods: pods.map((each, index) => pod(`p${index}`, each)), scaleOf: () => scale, now: NOW });
  const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods, conditions } = status as any;
  expect([disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods]).toEqual(want);
  expect(conditions).toMatchObject([
    want[0] > 0
      ? { type: "DisruptionAllowed", status: "True", reason: "SufficientPods" }
      : { type: "DisruptionAllowed", status: "False", reason: "InsufficientPods" },
  ]);
});

describe("a budget", () => {
  const plan = (status: object, pods: readonly KubeObject[], scale: OwnerScale = owned(pods.length), spec: object = { maxUnavailable: 1 }) =>
    planBudget({ budget: budget(spec, status), pods, scaleOf: () => scale, now: NOW });

  test("holds what was let go against itself until the deletion is seen, two minutes at most", () => {
    const pods = [pod("a"), pod("b"), pod("c")];
    const fresh = plan({ disruptedPods: { a: at(-20) } }, pods);
    expect(fresh.status).toMatchObject({ disruptionsAllowed: 0, currentHealthy: 2, disruptedPods: { a: at(-20) } });
    expect(fresh.requeueAfter).toBe(100_000);
    expect(plan({ disruptedPods: { a: at(-121) } }, pods).status).toMatchObject({ disruptionsAllowed: 1, currentHealthy: 3 });
    expect(plan({ disruptedPods: { a: at(-20) } }, [pod("a", { deleting: true }), pod("b"), pod("c")]).status).not.toHaveProperty("disruptedPods");
  });

  test("tells that pods of nobody make its share meaningless", () => {
    expect(plan({}, [pod("a")], { kind: "none" }).notices).toMatchObject([{ type: "Warning", reason: "UnmanagedPods" }]);
  });

  test("allows nothing when it cannot count", () => {
    const failed = plan({ disruptionsAllowed: 3 }, [pod("a")], { kind: "problem", problem: 'found no controllers for pod "a"' });
    expect(failed.notices).toMatchObject([
      { reason: "CalculateExpectedPodCountFailed", message: 'Failed to calculate the number of expected pods: found no controllers for pod "a"' },
    ]);
    expect(failed.status).toMatchObject({ disruptionsAllowed: 0, conditions: [{ type: "DisruptionAllowed", status: "False", reason: "SyncFailed" }] });
  });
});

const needs = (desired: number, healthy: number): string => `The disruption budget web needs ${desired} healthy pods and has ${healthy} currently`;
const spendings = [
  { name: "is allowed while the budget has one left", status: { disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2 }, want: "spent" },
  { name: "is refused when it has none", status: { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2 }, want: needs(2, 2) },
  {
    name: "is refused until the budget was counted",
    status: { observedGeneration: 1, disruptionsAllowed: 5 },
    want: "The disruption budget web is still being processed by the server.",
  },
  {
    name: "of an unhealthy pod is free while enough others are healthy",
    status: { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2 },
    pod: unready,
    want: "free",
  },
  {
    name: "of an unhealthy pod is refused while too few are healthy",
    status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 2 },
    pod: unready,
    want: needs(2, 1),
  },
  {
    name: "of an unhealthy pod is free always when the budget says so",
    spec: { unhealthyPodEvictionPolicy: "AlwaysAllow" },
    status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 2 },
    pod: unready,
    want: "free",
  },
];
test.each(spendings)("an eviction $name", ({ spec = {}, status, pod: options = ready, want }) => {
  const spending = spend(budget({ minAvailable: 2, ...spec }, status), pod("a", options), NOW);
  expect(spending.kind === "refused" ? spending.cause : spending.kind).toBe(want);
});

test("an eviction takes one from the budget and remembers the pod; the last one turns its condition", () => {
  const spending = spend(budget({ minAvailable: 2 }, { disruptionsAllowed: 1, disruptedPods: { b: at(-5) } }), pod("a"), NOW);
  expect(spending).toMatchObject({
    kind: "spent",
    budget: {
      status: {
        disruptionsAllowed: 0,
        disruptedPods: { a: at(0), b: at(-5) },
        conditions: [{ type: "DisruptionAllowed", status: "False", reason: "InsufficientPods" }],
      },
    },
  });
});

const beyond = [
  { name: "that runs", pod: {}, want: false },
  { name: "that has ended", pod: { phase: "Succeeded" }, want: true },
  { name: "that has not begun", pod: { phase: "Pending" }, want: true },
  { name: "that is going", pod: { deleting: true }, want: true },
];
test.each(beyond)("a pod $name asks no budget: $want", ({ pod: options, want }) => expect(isBeyondBudgets(pod("a", options))).toBe(want));

function node(conditions: readonly object[], spec: object = {}): KubeObject {
  return { apiVersion: "v1", kind: "Node", metadata: meta("here", { namespace: undefined as never }), spec, status: { conditions } };
}

const readyNode = (status: string, heartbeat = 0): object => ({ type: "Ready", status, reason: "KubeletReady", lastHeartbeatTime: at(heartbeat) });
const lease = (renewed: number): KubeObject => ({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: meta("here"),
  spec: { renewTime: at(renewed) },
});

const lives = [
  { name: "lives while its lease is fresh", node: node([readyNode("True", -300)]), lease: lease(-10), since: -600, want: { left: 30_000, told: undefined } },
  { name: "lives while its status is fresh", node: node([readyNode("True", -10)]), lease: undefined, since: -600, want: { left: 30_000, told: undefined } },
  {
    name: "is lost when both are old",
    node: node([readyNode("True", -300)]),
    lease: lease(-41),
    since: -600,
    want: { left: undefined, told: "NodeStatusUnknown" },
  },
  {
    name: "gets the whole grace after the control plane was away",
    node: node([readyNode("True", -3000)]),
    lease: lease(-3000),
    since: -5,
    want: { left: 35_000, told: undefined },
  },
  { name: "that never spoke is unknown too", node: node([]), lease: undefined, since: -600, want: { left: undefined, told: "NodeStatusNeverUpdated" } },
];
test.each(lives)("a node $name", ({ node: one, lease: renewed, since, want }) => {
  const plan = planNode({ node: one, lease: renewed, since: NOW + since * 1000, grace: 40_000, now: NOW });
  expect(plan.requeueAfter).toBe(want.left);
  expect(plan.conditions?.[0]).toEqual(want.told === undefined ? undefined : expect.objectContaining({ type: "Ready", status: "Unknown", reason: want.told }));
});

const own = (name: string, effect: string): string => `node.kubernetes.io/${name}:${effect}`;
const taints = [
  { name: "ready is free", node: node([readyNode("True")]), want: [] },
  { name: "new is held until it is ready", node: node([]), want: [own("not-ready", "NoSchedule")] },
  { name: "not ready sends its pods away", node: node([readyNode("False")]), want: [own("not-ready", "NoSchedule"), own("not-ready", "NoExecute")] },
  { name: "unreachable sends its pods away", node: node([readyNode("Unknown")]), want: [own("unreachable", "NoSchedule"), own("unreachable", "NoExecute")] },
  {
    name: "short of memory takes no more",
    node: node([readyNode("True"), { type: "MemoryPressure", status: "True" }]),
    want: [own("memory-pressure", "NoSchedule")],
  },
  { name: "cordoned takes no more", node: node([readyNode("True")], { unschedulable: true }), want: [own("unschedulable", "NoSchedule")] },
  {
    name: "well again keeps only what users put on it",
    node: node([readyNode("True")], {
      taints: [
        { key: "node.kubernetes.io/not-ready", effect: "NoExecute" },
        { key: "gpu", effect: "NoSchedule" },
      ],
    }),
    want: ["gpu:NoSchedule"],
  },
];
test.each(taints)("a node that is $name", ({ node: one, want }) => {
  const copy = structuredClone(one) as any;
  settleTaints(copy, at(0));
  expect((copy.spec.taints ?? []).map(({ key, effect }: any) => `${key}:${effect}`)).toEqual(want);
  const again = structuredClone(copy);
  settleTaints(again, at(60));
  expect(again, "stable").toEqual(copy);
});

const gone = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" } as const;
const mine = { key: "maintenance", value: "yes", effect: "NoExecute" } as const;
const stays = [
  { name: "goes at once from a taint that it does not tolerate", tolerations: [], taints: [mine], want: 0 },
  {
    name: "stays as long as its toleration says",
    tolerations: [{ key: gone.key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }],
    taints: [gone],
    want: 300_000,
  },
  {
    name: "stays for ever with a toleration without end",
    tolerations: [{ key: "maintenance", operator: "Equal", value: "yes" }],
    taints: [mine],
    want: Infinity,
  },
  {
    name: "stays the shortest of several",
    tolerations: [
      { operator: "Exists", tolerationSeconds: 60 },
      { key: gone.key, operator: "Exists", tolerationSeconds: 30 },
    ],
    taints: [gone, mine],
    want: 30_000,
  },
  { name: "goes at once when one of several is not tolerated", tolerations: [{ key: gone.key, operator: "Exists" }], taints: [gone, mine], want: 0 },
  { name: "takes a toleration of less than nothing for nothing", tolerations: [{ operator: "Exists", tolerationSeconds: -5 }], taints: [mine], want: 0 },
];
test.each(stays)("a pod $name", ({ tolerations, taints: sent, want }) => expect(toleratedFor(pod("a", { spec: { tolerations } }), sent)).toBe(want));

describe("pods of a node that is gone", () => {
  test("fail and go when it does not come back; those of others stay", async () => {
    await using server = await testApi();
    const { cluster } = server.api;
    const clock = new FakeClock();
    const room = { cluster, clock, recorder: createRecorder({ cluster, clock, component: "pod-garbage-collector" }) };
    const draft = (name: string, nodeName: string): Draft => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default" },
      spec: { nodeName, containers: [{ name: "main", image: "web:v1" }] },
    });
    for (const name of ["gone", "here"]) await cluster.create("nodes", { apiVersion: "v1", kind: "Node", metadata: { name } });
    await cluster.create("pods", draft("lost", "gone"));
    await cluster.create("pods", draft("kept", "here"));
    const ends: unknown[] = [];
    using _watch = cluster.watch(
      "pods",
      ({ type, object }) => void (type === "DELETED" && ends.push([object.metadata.name, object.status.phase, object.status.conditions])),
    );
    await using _running = runController(cluster, podGarbage(room), { clock });
    await cluster.delete("nodes", { namespace: undefined, name: "gone" });
    await settle();
    await clock.advance(39_000);
    expect(ends, "the node may come back").toEqual([]);
    await clock.advance(2000);
    await expect.poll(() => ends).toEqual([["lost", "Failed", [expect.objectContaining({ type: "DisruptionTarget", reason: "DeletionByPodGC" })]]]);
    expect(cluster.list("pods", "default").map(({ metadata }) => metadata.name)).toEqual(["kept"]);
  });

  test("have their whole time again when it came back and goes once more", async () => {
    const clock = new FakeClock();
    const lost = pod("lost", { node: "gone" });
    const cluster = { get: (resource: string) => (resource === "pods" ? lost : undefined), list: () => [lost] } as unknown as Cluster;
    const controller = podGarbage({ cluster, clock, recorder: { record: () => {} } });
    const key = { namespace: "default", name: "lost" };
    expect(await controller.reconcile(key)).toEqual({ requeueAfter: 40_000 });
    await clock.advance(30_000);
    const node = { apiVersion: "v1", kind: "Node", metadata: meta("gone") };
    controller.watches["nodes"]?.({ type: "ADDED", object: node });
    await clock.advance(3_600_000);
    controller.watches["nodes"]?.({ type: "DELETED", object: node });
    expect(await controller.reconcile(key)).toEqual({ requeueAfter: 40_000 });
  });
});
