import { describe, expect, test } from "vitest";
import type { KubeObject, ObjectMeta, OwnerReference } from "../../orchestrator/cluster.ts";
import { OwnerGraph } from "../../orchestrator/controllers/garbage/graph.ts";
import { planGarbage } from "../../orchestrator/controllers/garbage/plan.ts";
import { at, meta } from "./objects.ts";

const owner = (name: string, blocking = true): OwnerReference => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  name,
  uid: `uid-${name}`,
  blockOwnerDeletion: blocking,
});

function object(name: string, metadata: Partial<ObjectMeta> = {}): KubeObject {
  return { apiVersion: "v1", kind: "Pod", metadata: meta(name, metadata) };
}

const deleting = (finalizer: string): Partial<ObjectMeta> => ({ deletionTimestamp: at(0), finalizers: [finalizer] });
const live = object("live");
const waiting = object("waiting", deleting("foregroundDeletion"));
const known = new Map([live, waiting].map((one) => [one.metadata.uid, one]));
const child = object("child", { ownerReferences: [owner("parent")] });
const loose = object("loose", { ownerReferences: [owner("parent", false)] });

const rows: readonly { readonly name: string; readonly object: KubeObject; readonly dependents?: readonly KubeObject[]; readonly want: unknown }[] = [
  { name: "leaves alone what nobody owns", object: object("a"), want: undefined },
  { name: "leaves alone what its owner still owns", object: object("a", { ownerReferences: [owner("live")] }), want: undefined },
  { name: "deletes what has lost its only owner", object: object("a", { ownerReferences: [owner("gone")] }), want: { kind: "delete", policy: "Background" } },
  {
    name: "keeps what has one owner left, and drops the lost one",
    object: object("a", { ownerReferences: [owner("gone"), owner("live")] }),
    want: { kind: "drop-owners", uids: ["uid-gone"] },
  },
  { name: "deletes what its owner waits for", object: object("a", { ownerReferences: [owner("waiting")] }), want: { kind: "delete", policy: "Background" } },
  {
    name: "in the foreground when it has dependents itself",
    object: object("a", { ownerReferences: [owner("waiting")] }),
    dependents: [child],
    want: { kind: "delete", policy: "Foreground" },
  },
  {
    name: "deletes the dependents of an owner that waits",
    object: object("parent", deleting("foregroundDeletion")),
    dependents: [child],
    want: { kind: "delete-dependents" },
  },
  {
    name: "lets the owner go when none blocks it",
    object: object("parent", deleting("foregroundDeletion")),
    dependents: [loose],
    want: { kind: "release", finalizer: "foregroundDeletion" },
  },
  {
    name: "frees the dependents of an owner that orphans them",
    object: object("parent", deleting("orphan")),
    dependents: [child],
    want: { kind: "orphan-dependents" },
  },
  { name: "then lets it go", object: object("parent", deleting("orphan")), want: { kind: "release", finalizer: "orphan" } },
  { name: "does nothing twice", object: object("a", { deletionTimestamp: at(0), ownerReferences: [owner("gone")] }), want: undefined },
];
test.each(rows)("the garbage collector $name", ({ object: subject, dependents = [], want }) => {
  expect(planGarbage(subject, { owner: ({ uid }) => known.get(uid), dependents })).toEqual(want);
});

describe("the graph of owners", () => {
  test("follows references that come and go", () => {
    const graph = new OwnerGraph();
    const released = object("child");
    graph.record("pods", { type: "ADDED", object: child });
    expect(graph.dependentsOf("uid-parent").map(({ name }) => name)).toEqual(["child"]);
    graph.record("pods", { type: "MODIFIED", object: released, previous: child });
    expect(graph.dependentsOf("uid-parent")).toEqual([]);
    graph.record("pods", { type: "ADDED", object: child });
    graph.record("pods", { type: "DELETED", object: child });
    expect(graph.dependentsOf("uid-parent")).toEqual([]);
  });
});
