import { describe, expect, test } from "vitest";
import { revisionOf } from "../../orchestrator/controllers/deployment/annotations.ts";
import { deployment } from "./objects.ts";
import { Rollout } from "./rollout.ts";

describe("rolling update of ten replicas at 25 % / 25 %", () => {
  test("grows to thirteen, keeps eight available, and takes old ones away as new ones come", () => {
    const rollout = new Rollout(deployment("web", 10, "web:v1"));
    rollout.settle();
    expect(rollout.done).toEqual(["create v1 10"]);
    rollout.setImage("web:v2");
    rollout.step();
    expect(rollout.sizes, "three more than ten at once").toBe("v1=10/10 v2=3/0");
    rollout.step();
    expect(rollout.sizes, "two may be missing").toBe("v1=8/10 v2=3/0");
    rollout.report("web:v2");
    rollout.step();
    expect(rollout.sizes, "room for two more new ones").toBe("v1=8/8 v2=5/0");
    expect(rollout.step(), "nothing before new ones are available").toBe(false);
    rollout.settle();
    expect(rollout.sizes).toBe("v1=0/0 v2=10/10");
    expect(rollout.condition("Progressing")).toBe("True NewReplicaSetAvailable");
  });

  test("never has more than thirteen pods or fewer than eight available", () => {
    const rollout = new Rollout(deployment("web", 10, "web:v1"));
    rollout.settle();
    rollout.setImage("web:v2");
    for (let round = 0; round < 20; round++) {
      rollout.step();
      const total = rollout.sets.reduce((sum, set) => sum + set.spec.replicas, 0);
      const kept = rollout.sets.reduce((sum, set) => sum + Math.min(set.spec.replicas, set.status?.availableReplicas ?? 0), 0);
      expect(total).toBeLessThanOrEqual(13);
      expect(kept).toBeGreaterThanOrEqual(8);
      rollout.report();
    }
  });
});

const sequences = [
  {
    name: "one at a time when only a surge of one is allowed",
    replicas: 3,
    fences: { maxSurge: 1, maxUnavailable: 0 },
    done: ["create v2 1", "resize v1 2", "resize v2 2", "resize v1 1", "resize v2 3", "resize v1 0"],
  },
  {
    name: "old ones go first when no surge is allowed",
    replicas: 2,
    fences: { maxSurge: 0, maxUnavailable: 1 },
    done: ["create v2 0", "resize v1 1", "resize v2 1", "resize v1 0", "resize v2 2"],
  },
  {
    name: "one may be missing when both fences round to zero",
    replicas: 2,
    fences: { maxSurge: "0%", maxUnavailable: "10%" },
    done: ["create v2 0", "resize v1 1", "resize v2 1", "resize v1 0", "resize v2 2"],
  },
  {
    name: "all at once when everything may be missing",
    replicas: 3,
    fences: { maxSurge: "100%", maxUnavailable: "100%" },
    done: ["create v2 3", "resize v1 0"],
  },
];
test.each(sequences)("rolling update: $name", ({ replicas, fences, done }) => {
  const rollout = new Rollout(deployment("web", replicas, "web:v1", { strategy: { type: "RollingUpdate", rollingUpdate: fences } }));
  rollout.settle();
  rollout.done.length = 0;
  rollout.setImage("web:v2");
  rollout.settle();
  expect(rollout.done).toEqual(done);
});

test("a bad image stops the roll with the old replicas serving", () => {
  const rollout = new Rollout(deployment("web", 4, "web:v1"));
  rollout.settle();
  rollout.setImage("web:bad");
  rollout.settle("web:bad");
  expect(rollout.sizes).toBe("v1=3/3 bad=2/0");
  expect(rollout.condition("Available")).toBe("True MinimumReplicasAvailable");
  rollout.time = 700;
  rollout.step();
  expect(rollout.condition("Progressing")).toBe("False ProgressDeadlineExceeded");
});

test("rollover: a third template takes over from an unfinished second one, whose unhealthy pods go first", () => {
  const rollout = new Rollout(deployment("web", 4, "web:v1"));
  rollout.settle();
  rollout.setImage("web:bad");
  rollout.settle("web:bad");
  rollout.setImage("web:v3");
  rollout.settle("web:bad");
  expect(rollout.sizes).toBe("v1=0/0 bad=0/0 v3=4/4");
  expect(rollout.done.indexOf("resize bad 0")).toBeLessThan(rollout.done.indexOf("resize v1 0"));
});

test("going back to an earlier template reuses its set under a new revision", () => {
  const rollout = new Rollout(deployment("web", 2, "web:v1"));
  rollout.settle();
  rollout.setImage("web:v2");
  rollout.settle();
  rollout.setImage("web:v1");
  rollout.settle();
  expect(rollout.sets.map(revisionOf)).toEqual([3, 2]);
  expect(rollout.sets[0]?.metadata.annotations?.["deployment.kubernetes.io/revision-history"]).toBe("1");
  expect(revisionOf(rollout.deployment)).toBe(3);
});

test("keeps as many old sets as revisionHistoryLimit says", () => {
  const rollout = new Rollout(deployment("web", 1, "web:v1", { revisionHistoryLimit: 1 }));
  for (const image of ["web:v1", "web:v2", "web:v3", "web:v4"]) {
    rollout.setImage(image);
    rollout.settle();
    rollout.settle();
  }
  expect(rollout.sizes).toBe("v3=0/0 v4=1/1");
});

test("Recreate waits until the last old pod has gone", () => {
  const rollout = new Rollout(deployment("web", 2, "web:v1", { strategy: { type: "Recreate" } }));
  rollout.settle();
  const [old] = rollout.sets;
  rollout.pods = [
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...old!.metadata,
        name: "p",
        ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: old!.metadata.name, uid: old!.metadata.uid, controller: true }],
      },
      status: { phase: "Running" },
    },
  ];
  rollout.setImage("web:v2");
  rollout.settle();
  expect(rollout.sizes).toBe("v1=0/0");
  rollout.pods = [];
  rollout.settle();
  expect(rollout.sizes).toBe("v1=0/0 v2=2/2");
});

test("a paused Deployment is scaled, but not rolled", () => {
  const rollout = new Rollout(deployment("web", 2, "web:v1"));
  rollout.settle();
  rollout.edit({ paused: true, replicas: 5 });
  rollout.setImage("web:v2");
  rollout.settle();
  expect(rollout.sizes).toBe("v1=5/5");
  expect(rollout.condition("Progressing")).toBe("Unknown DeploymentPaused");
  rollout.edit({ paused: false });
  rollout.settle();
  expect(rollout.sizes).toBe("v1=0/0 v2=5/5");
});

const scalings = [
  { name: "grows both sets in their proportion", from: 10, to: 15, sizes: "v1=12/8 bad=7/0" },
  { name: "shrinks both sets in their proportion", from: 10, to: 5, sizes: "v1=4/8 bad=3/0" },
];
test.each(scalings)("scaling in mid-rollout $name", ({ from, to, sizes }) => {
  const rollout = new Rollout(deployment("web", from, "web:v1"));
  rollout.settle();
  rollout.setImage("web:bad");
  rollout.settle("web:bad");
  expect(rollout.sizes).toBe("v1=8/8 bad=5/0");
  rollout.edit({ replicas: to });
  rollout.step();
  expect(rollout.sizes).toBe(sizes);
});

test("the life of the Progressing condition, told by its reasons", () => {
  const rollout = new Rollout(deployment("web", 1, "web:v1"));
  rollout.step();
  expect(rollout.condition("Progressing")).toBe("True NewReplicaSetCreated");
  expect(rollout.condition("Available")).toBe("False MinimumReplicasUnavailable");
  rollout.report("web:v1");
  rollout.step();
  expect(rollout.condition("Progressing")).toBe("True ReplicaSetUpdated");
  rollout.report();
  rollout.step();
  expect(rollout.condition("Progressing")).toBe("True NewReplicaSetAvailable");
});
