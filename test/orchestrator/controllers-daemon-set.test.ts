import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { FailedPods } from "../../orchestrator/controllers/daemon-set/failed-pods.ts";
import { lost, placesOf } from "../../orchestrator/controllers/daemon-set/nodes.ts";
import { planDaemonSet } from "../../orchestrator/controllers/daemon-set/plan.ts";
import { daemonSetStatus } from "../../orchestrator/controllers/daemon-set/status.ts";
import { draftDaemon, targetNode } from "../../orchestrator/controllers/daemon-set/template.ts";
import { daemonSet, node, NOW, pod } from "./objects.ts";

const HASH = "new";

/** `a`: a good new pod on node a; `b:old,unready`, `a:old+a:new`… */
function daemon(text: string, index: number): KubeObject {
  const [place = "", flags = ""] = text.split(":");
  const has = (flag: string): boolean => flags.split(",").includes(flag);
  return pod(`${place}-${has("old") ? "old" : "new"}-${index}`, {
    node: has("waiting") ? "" : place,
    labels: { app: "web", "controller-revision-hash": has("old") ? "old" : HASH },
    ready: !has("unready") && !has("failed") && !has("succeeded") && !has("waiting"),
    phase: has("failed") ? "Failed" : has("succeeded") ? "Succeeded" : has("waiting") ? "Pending" : "Running",
    deleting: has("deleting"),
    readyFor: has("fresh") ? 5 : 600,
    age: 3600 - index,
    spec: has("waiting") ? draftDaemon(daemonSet("web"), HASH, place)["spec"] : {},
  });
}

const daemons = (text: string): readonly KubeObject[] => (text === "" ? [] : text.split(" ").map(daemon));

interface Case {
  readonly name: string;
  readonly nodes?: readonly KubeObject[];
  readonly spec?: object;
  readonly pods: string;
  readonly failedWait?: number;
  readonly create?: readonly string[];
  readonly remove?: readonly string[];
}

const three = [node("a"), node("b"), node("c")];
const tainted = (effect: string): KubeObject => node("b", { taints: [{ key: "gpu", value: "yes", effect }] });
const strategy = (rollingUpdate: object): object => ({ updateStrategy: { type: "RollingUpdate", rollingUpdate } });
const withSpec = (spec: object): object => {
  const { template } = daemonSet("web").spec;
  return { template: { ...template, spec: { ...template.spec, ...spec } } };
};

function planned({ nodes = three, spec = {}, pods, failedWait = 0 }: Case): { readonly create: readonly string[]; readonly remove: readonly string[] } {
  const set = daemonSet("web", spec);
  const own = daemons(pods);
  const plan = planDaemonSet(set, { places: placesOf(set, nodes, own), lost: lost(nodes, own), hash: HASH, failedWait: () => failedWait }, NOW);
  return { create: plan.create, remove: plan.remove.map((each) => each.pod.metadata.name) };
}

const cases: readonly Case[] = [
  { name: "puts a pod on every node", pods: "", create: ["a", "b", "c"] },
  { name: "puts one on a node that has come", pods: "a b", create: ["c"] },
  { name: "waits for the pod that goes before it makes another", pods: "a b c:deleting" },
  { name: "counts a pod that the scheduler has yet to place", pods: "a b c:waiting" },
  { name: "keeps the oldest of several on a node", pods: "a a b c", remove: ["a-new-1"] },
  {
    name: "keeps to the nodes of its nodeSelector",
    nodes: [node("a", { labels: { disk: "ssd" } }), node("b")],
    spec: withSpec({ nodeSelector: { disk: "ssd" } }),
    pods: "b",
    create: ["a"],
    remove: ["b-new-0"],
  },
  { name: "keeps to the node that its template names", spec: withSpec({ nodeName: "b" }), pods: "", create: ["b"] },
  { name: "leaves out a node with a taint that it does not tolerate", nodes: [node("a"), tainted("NoSchedule")], pods: "", create: ["a"] },
  {
    name: "goes to a node whose taint it tolerates",
    nodes: [tainted("NoSchedule")],
    spec: withSpec({ tolerations: [{ key: "gpu", operator: "Exists" }] }),
    pods: "",
    create: ["b"],
  },
  { name: "lets a pod stay on a node that was tainted NoSchedule", nodes: [node("a"), tainted("NoSchedule")], pods: "a b" },
  { name: "takes it from a node that was tainted NoExecute", nodes: [node("a"), tainted("NoExecute")], pods: "a b", remove: ["b-new-1"] },
  {
    name: "goes to a cordoned node",
    nodes: [node("a", { taints: [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }] })],
    pods: "",
    create: ["a"],
  },
  { name: "removes a pod that waits for a node which is no more", nodes: [node("a")], pods: "a gone:waiting", remove: ["gone-new-1"] },
  { name: "replaces a failed pod", pods: "a b c:failed", remove: ["c-new-2"] },
  { name: "leaves a pod that failed again for a while", pods: "a b c:failed", failedWait: 4000 },
  { name: "replaces a pod that ended well", pods: "a b c:succeeded", failedWait: 4000, remove: ["c-new-2"] },
  { name: "does nothing when all is well", pods: "a b c" },
  { name: "replaces one old pod at a time", pods: "a:old b:old c:old", remove: ["a-old-0"] },
  { name: "goes on when the new pod is available", pods: "a b:old c:old", remove: ["b-old-1"] },
  { name: "waits while the new pod is not ready", pods: "a:unready b:old c:old" },
  { name: "waits while the new pod is not yet available", spec: { minReadySeconds: 30 }, pods: "a:fresh b:old c:old" },
  { name: "waits for a pod on its way out", pods: "a:old,deleting b:old c:old" },
  { name: "replaces old pods that serve nobody for free", pods: "a:unready b:old,unready c:old", remove: ["b-old-1"] },
  { name: "rounds maxUnavailable up", spec: strategy({ maxUnavailable: "34%", maxSurge: 0 }), pods: "a:old b:old c:old", remove: ["a-old-0", "b-old-1"] },
  { name: "makes what is missing before it rolls", pods: "a:old b:old", create: ["c"] },
  { name: "leaves old pods with OnDelete", spec: { updateStrategy: { type: "OnDelete" } }, pods: "a:old b:old c:old" },
  { name: "makes a pod beside the old one when it surges", spec: strategy({ maxUnavailable: 0, maxSurge: 1 }), pods: "a:old b:old c:old", create: ["a"] },
  { name: "keeps both while the new one is not ready", spec: strategy({ maxUnavailable: 0, maxSurge: 1 }), pods: "a:old a:unready b:old c:old" },
  {
    name: "removes the old one when the new one is available",
    spec: strategy({ maxUnavailable: 0, maxSurge: 1 }),
    pods: "a:old a b:old c:old",
    remove: ["a-old-0"],
  },
  {
    name: "surges on as many nodes as maxSurge says, rounded up",
    spec: strategy({ maxUnavailable: 0, maxSurge: "34%" }),
    pods: "a:old b:old c:old",
    create: ["a", "b"],
  },
  {
    name: "surges for free where the old pod serves nobody",
    spec: strategy({ maxUnavailable: 0, maxSurge: 1 }),
    pods: "a:old a:unready b:old,unready c:old",
    create: ["b"],
  },
];
test.each(cases)("a DaemonSet $name", (given) => expect(planned(given)).toEqual({ create: given.create ?? [], remove: given.remove ?? [] }));

describe("a DaemonSet's pod", () => {
  test("is sent to its node by affinity, beside what the template asks", () => {
    const nodeAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: "disk", operator: "Exists" }] }] },
    };
    const draft = draftDaemon(daemonSet("web", withSpec({ affinity: { nodeAffinity } })), HASH, "b");
    const spec: any = draft["spec"];
    expect(spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms).toEqual([
      { matchExpressions: [{ key: "disk", operator: "Exists" }], matchFields: [{ key: "metadata.name", operator: "In", values: ["b"] }] },
    ]);
    expect(targetNode(draft as unknown as KubeObject)).toBe("b");
    expect(draft.metadata).toMatchObject({ generateName: "web-", labels: { app: "web", "controller-revision-hash": HASH } });
  });

  test("tolerates what a daemon must outlast, and its template's own taints", () => {
    const own = [{ key: "gpu", operator: "Exists" }];
    const keys = (spec: object): readonly string[] =>
      (draftDaemon(daemonSet("web", withSpec(spec)), HASH, "a") as any).spec.tolerations.map(
        (one: any) => `${one.key.replace("node.kubernetes.io/", "")}:${one.effect ?? ""}`,
      );
    const always = [
      "not-ready:NoExecute",
      "unreachable:NoExecute",
      "disk-pressure:NoSchedule",
      "memory-pressure:NoSchedule",
      "pid-pressure:NoSchedule",
      "unschedulable:NoSchedule",
    ];
    expect(keys({ tolerations: own })).toEqual(["gpu:", ...always]);
    expect(keys({ hostNetwork: true })).toEqual([...always, "network-unavailable:NoSchedule"]);
  });
});

test("a DaemonSet's status counts nodes, not pods", () => {
  const nodes = [...three, tainted("NoSchedule")].map((each, index) => (index === 3 ? node("d", { taints: each.spec.taints }) : each));
  const set = daemonSet("web", { minReadySeconds: 30 });
  const places = placesOf(set, nodes, daemons("a:fresh b:old,unready d"));
  expect(daemonSetStatus(set, places, { hash: HASH, collisions: 0, now: NOW })).toEqual({
    currentNumberScheduled: 2,
    desiredNumberScheduled: 3,
    numberMisscheduled: 1,
    numberReady: 1,
    updatedNumberScheduled: 1,
    numberUnavailable: 3,
    observedGeneration: 1,
  });
});

test("a pod that keeps failing waits a second, then twice as long each time, up to a quarter of an hour", () => {
  const failed = new FailedPods();
  expect(failed.wait("web/a", NOW)).toBe(0);
  const waits = Array.from({ length: 12 }, () => {
    failed.count("web/a", NOW);
    return failed.wait("web/a", NOW) / 1000;
  });
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
  expect(failed.wait("web/a", NOW + 100_000)).toBe(800_000);
  expect(failed.wait("web/b", NOW)).toBe(0);
});
