import { describe, expect, test } from "vitest";
import { planReplicaSet } from "../../orchestrator/controllers/replica-set/plan.ts";
import { slowStart } from "../../orchestrator/controllers/slow-start.ts";
import { NOW, pod, replicaSet, type PodOptions } from "./objects.ts";

const set = replicaSet("web", 1);
const own = (name: string, options: PodOptions = {}) => pod(name, { owner: set, ...options });

const orders: readonly { readonly name: string; readonly keep: PodOptions; readonly lose: PodOptions }[] = [
  { name: "a pod without a node before one that has one", lose: { node: "", phase: "Pending", ready: false }, keep: { phase: "Pending", ready: false } },
  { name: "a pending pod before a running one", lose: { phase: "Pending", ready: false }, keep: { ready: false } },
  { name: "an unready pod before a ready one", lose: { ready: false }, keep: {} },
  { name: "the cheaper pod", lose: { cost: "-5" }, keep: { cost: "10" } },
  { name: "the pod ready for a shorter time", lose: { readyFor: 10 }, keep: { readyFor: 1000 } },
  { name: "the pod that restarted more", lose: { restarts: 4 }, keep: { restarts: 1 } },
  { name: "the younger pod", lose: { age: 700 }, keep: { age: 70_000 } },
];
describe("a ReplicaSet with one pod too many deletes", () => {
  test.each(orders)("$name", ({ keep, lose }) => {
    for (const pods of [
      [own("keep", keep), own("lose", lose)],
      [own("a-lose", lose), own("keep", keep)],
    ]) {
      expect(planReplicaSet(set, pods, NOW).remove.map((each) => each.metadata.name.replace("a-", ""))).toEqual(["lose"]);
    }
  });

  test("from the node that has more of its pods", () => {
    const three = replicaSet("web", 2);
    const pods = [pod("a", { owner: three, node: "n1" }), pod("b", { owner: three, node: "n2" }), pod("c", { owner: three, node: "n2", readyFor: 10 })];
    expect(planReplicaSet(three, pods, NOW).remove.map((each) => each.metadata.name)).toEqual(["c"]);
  });
});

const plans = [
  { name: "creates what is missing", replicas: 3, pods: [own("a")], want: { create: 2, remove: 0, adopt: 0, release: 0 } },
  {
    name: "replaces pods that have ended or are being deleted",
    replicas: 2,
    pods: [own("a", { phase: "Failed" }), own("b", { deleting: true })],
    want: { create: 2, remove: 0, adopt: 0, release: 0 },
  },
  { name: "adopts a matching orphan instead of creating", replicas: 1, pods: [pod("a")], want: { create: 0, remove: 0, adopt: 1, release: 0 } },
  {
    name: "releases a pod whose labels no longer match, and replaces it",
    replicas: 1,
    pods: [own("a", { labels: { app: "debug" } })],
    want: { create: 1, remove: 0, adopt: 0, release: 1 },
  },
  {
    name: "leaves strangers alone",
    replicas: 1,
    pods: [own("a"), pod("b", { labels: { app: "other" } }), pod("c", { owner: replicaSet("else", 1) })],
    want: { create: 0, remove: 0, adopt: 0, release: 0 },
  },
  { name: "creates at most five hundred at once", replicas: 700, pods: [], want: { create: 500, remove: 0, adopt: 0, release: 0 } },
];
test.each(plans)("a ReplicaSet $name", ({ replicas, pods, want }) => {
  const plan = planReplicaSet(replicaSet("web", replicas), pods, NOW);
  expect({ create: plan.create, remove: plan.remove.length, adopt: plan.adopt.length, release: plan.release.length }).toEqual(want);
});

test("a pod counts as available only after minReadySeconds, and the set asks to be woken then", () => {
  const patient = replicaSet("web", 2);
  const slow = { ...patient, spec: { ...patient.spec, minReadySeconds: 30 } };
  const plan = planReplicaSet(slow, [own("a", { readyFor: 10 }), own("b", { readyFor: 60 })], NOW);
  expect(plan.counts).toMatchObject({ replicas: 2, readyReplicas: 2, availableReplicas: 1 });
  expect(plan.requeueAfter).toBe(20_000);
});

test("slow start doubles its batches and stops at the first that fails", async () => {
  let calls = 0;
  await slowStart(7, async () => void calls++);
  expect(calls).toBe(7);
  calls = 0;
  const failing = slowStart(100, async () => {
    if (++calls > 3) throw new Error("refused");
  });
  await expect(failing).rejects.toThrow("refused");
  expect(calls, "1 + 2 + 4").toBe(7);
});
