/** Garbage collection over Deployment, ReplicaSet and Pod, by each of the three propagation policies. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/cluster.ts";
import { ControlPlane } from "./control-plane.ts";
import { manifest, spoil } from "./manifests.ts";

let plane: ControlPlane;

beforeAll(async () => {
  plane = await ControlPlane.start();
});

afterAll(async () => await plane[Symbol.asyncDispose]());

const PODS = "/api/v1/namespaces/default/pods";
const MAPS = "/api/v1/namespaces/default/configmaps";
const SETS = "/apis/apps/v1/namespaces/default/replicasets";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

const of = (path: string, app: string): string => `${path}?labelSelector=app%3D${app}`;
const items = async (path: string, app: string): Promise<readonly any[]> => (await plane.call("GET", of(path, app))).body.items;
const names = async (path: string, app: string): Promise<readonly string[]> => (await items(path, app)).map(({ metadata }) => metadata.name);

/** A Deployment with two pods on paper. */
async function deploy(app: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const labels = { "spec.selector.matchLabels": { app }, "spec.template.metadata.labels": { app } };
  await plane.apply(spoil(manifest("Deployment", app), { ...labels, "metadata.labels": { app }, "spec.replicas": 2, ...more }));
  await eventually(async () => expect(await names(PODS, app)).toHaveLength(2));
}

describe("deleting a Deployment", () => {
  test("in the background removes it at once, its sets and pods after it", async () => {
    await deploy("back");
    const { status, body } = await plane.call("DELETE", `${DEPLOYMENTS}/back`, { propagationPolicy: "Background" });
    expect([status, body.status, body.details.kind]).toEqual([200, "Success", "deployments"]);
    expect((await plane.call("GET", `${DEPLOYMENTS}/back`)).status).toBe(404);
    await eventually(async () => expect([await names(SETS, "back"), await names(PODS, "back")]).toEqual([[], []]));
  });

  test("without a policy is the same", async () => {
    await deploy("plain");
    await plane.call("DELETE", `${DEPLOYMENTS}/plain`);
    await eventually(async () => expect([await names(SETS, "plain"), await names(PODS, "plain")]).toEqual([[], []]));
  });

  test("in the foreground keeps it until its sets have gone, and them until their pods have", async () => {
    await deploy("fore");
    const [held] = await names(PODS, "fore");
    await plane.kubectl("patch", "pod", held!, "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/hold"]}}');
    const { body } = await plane.call("DELETE", `${DEPLOYMENTS}/fore`, { propagationPolicy: "Foreground" });
    expect([body.kind, body.metadata.finalizers]).toEqual(["Deployment", ["foregroundDeletion"]]);
    await eventually(async () => expect(await names(PODS, "fore")).toEqual([held]));
    const [set] = await items(SETS, "fore");
    expect([set.metadata.finalizers, typeof set.metadata.deletionTimestamp]).toEqual([["foregroundDeletion"], "string"]);
    expect((await plane.call("GET", `${DEPLOYMENTS}/fore`)).status).toBe(200);
    await plane.kubectl("patch", "pod", held!, "--type=json", "-p", '[{"op":"remove","path":"/metadata/finalizers"}]');
    await eventually(async () => expect((await plane.call("GET", `${DEPLOYMENTS}/fore`)).status).toBe(404));
    expect([await names(SETS, "fore"), await names(PODS, "fore")]).toEqual([[], []]);
  });

  test("and orphaning leaves its set, which goes on alone until a new one adopts it", async () => {
    await deploy("lone");
    const pods = await names(PODS, "lone");
    await plane.kubectl("delete", "deployment", "lone", "--cascade=orphan");
    await eventually(async () => expect((await plane.call("GET", `${DEPLOYMENTS}/lone`)).status).toBe(404));
    const [set] = await items(SETS, "lone");
    expect([set.metadata.ownerReferences, set.metadata.deletionTimestamp]).toEqual([undefined, undefined]);
    await plane.kubectl("delete", "pod", pods[0]!);
    await eventually(async () => expect(await names(PODS, "lone")).toHaveLength(2));
    expect(await names(PODS, "lone")).toContain(pods[1]);
    await deploy("lone");
    await eventually(async () =>
      expect((await items(SETS, "lone"))[0].metadata.ownerReferences).toMatchObject([{ kind: "Deployment", name: "lone", controller: true }]),
    );
    expect(await names(SETS, "lone")).toEqual([set.metadata.name]);
    await plane.kubectl("delete", "deployment", "lone");
  });
});

describe("an owner", () => {
  const map = (name: string, metadata: object): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata } });
  const make = async (name: string, metadata: object = {}, namespace = "default"): Promise<any> =>
    (await plane.call("POST", `/api/v1/namespaces/${namespace}/configmaps`, map(name, metadata))).body;
  const reference = (owner: any, more: object = {}): object => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    ...more,
  });
  const there = async (name: string): Promise<boolean> => (await plane.call("GET", `${MAPS}/${name}`)).status === 200;
  const goes = async (name: string): Promise<void> => await eventually(async () => expect(await there(name)).toBe(false));

  test("that was never there takes its dependents with it, also when only its uid is wrong", async () => {
    const owner = await make("owner-now");
    await make("of-nobody", { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "none", uid: "no-such-uid" }] });
    await make("of-another", { ownerReferences: [reference(owner, { uid: "an-older-uid" })] });
    await goes("of-nobody");
    await goes("of-another");
    expect(await there("owner-now")).toBe(true);
  });

  test("in another namespace is none, and that is told", async () => {
    await plane.kubectl("create", "namespace", "elsewhere");
    const owner = await make("far", {}, "elsewhere");
    await make("of-far", { ownerReferences: [reference(owner)] });
    await goes("of-far");
    await eventually(async () => {
      const { body } = await plane.call("GET", "/api/v1/namespaces/default/events?fieldSelector=reason%3DOwnerRefInvalidNamespace");
      expect(body.items.map(({ type, message }: any) => [type, message])).toEqual([
        ["Warning", `ownerRef [v1/ConfigMap, namespace: default, name: far, uid: ${owner.metadata.uid}] does not exist in namespace "default"`],
      ]);
    });
  });

  test("that is one of two does not take what the other still owns", async () => {
    const [one, other] = [await make("first"), await make("second")];
    await make("shared", { ownerReferences: [reference(one), reference(other)] });
    await plane.kubectl("delete", "configmap", "first");
    await eventually(async () => expect((await plane.call("GET", `${MAPS}/shared`)).body.metadata.ownerReferences).toEqual([reference(other)]));
    await plane.kubectl("delete", "configmap", "second");
    await goes("shared");
  });

  test("of a kind that is not served is left to whoever serves it", async () => {
    await make("foreign", { ownerReferences: [{ apiVersion: "example.com/v1", kind: "Thing", name: "t", uid: "u" }] });
    const { body: node } = await plane.call("POST", "/api/v1/nodes", {
      metadata: { name: "owned-from-inside", ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" }] },
    });
    await make("gone-first", { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "y" }] });
    await goes("gone-first");
    expect([await there("foreign"), (await plane.call("GET", `/api/v1/nodes/${node.metadata.name}`)).status]).toEqual([true, 200]);
  });

  test("in the foreground waits only for those that block it", async () => {
    const owner = await make("waits");
    await make("blocks", { finalizers: ["example.com/hold"], ownerReferences: [reference(owner, { blockOwnerDeletion: true })] });
    await make("does-not", { finalizers: ["example.com/hold"], ownerReferences: [reference(owner)] });
    await plane.call("DELETE", `${MAPS}/waits`, { propagationPolicy: "Foreground" });
    await eventually(async () => expect((await plane.call("GET", `${MAPS}/blocks`)).body.metadata.deletionTimestamp).toBeDefined());
    expect(await there("waits")).toBe(true);
    await plane.kubectl("patch", "configmap", "blocks", "--type=json", "-p", '[{"op":"remove","path":"/metadata/finalizers"}]');
    await goes("waits");
    expect(await there("does-not")).toBe(true);
    await plane.kubectl("patch", "configmap", "does-not", "--type=json", "-p", '[{"op":"remove","path":"/metadata/finalizers"}]');
    await goes("does-not");
  });
});

describe("finalizers", () => {
  test("keep what is deleted until the last is taken out, and none may be added meanwhile", async () => {
    await plane.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "final", finalizers: ["example.com/a", "example.com/b"] } });
    const { body } = await plane.call("DELETE", `${MAPS}/final`);
    expect([body.kind, typeof body.metadata.deletionTimestamp, body.metadata.deletionGracePeriodSeconds]).toEqual(["ConfigMap", "string", 0]);
    const { status, body: refused } = await plane.call("PUT", `${MAPS}/final`, {
      ...body,
      metadata: { ...body.metadata, finalizers: ["example.com/a", "example.com/c"] },
    });
    expect([status, refused.message]).toEqual([
      422,
      'ConfigMap "final" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/c"}',
    ]);
    await plane.call("PUT", `${MAPS}/final`, { ...body, metadata: { ...body.metadata, finalizers: ["example.com/b"] } });
    expect((await plane.call("GET", `${MAPS}/final`)).status).toBe(200);
    const { body: left } = await plane.call("GET", `${MAPS}/final`);
    await plane.call("PUT", `${MAPS}/final`, { ...left, metadata: { ...left.metadata, finalizers: [] } });
    expect((await plane.call("GET", `${MAPS}/final`)).status).toBe(404);
  });
});

describe("a ReplicationController", () => {
  const rc = (app: string): object =>
    spoil(manifest("ReplicationController", app), { "spec.replicas": 2, "spec.selector": { app }, "spec.template.metadata.labels": { app } });

  test("keeps its number of pods, replaces lost ones, adopts and releases by label", async () => {
    await plane.apply(rc("elder"));
    await eventually(async () => expect(await names(PODS, "elder")).toHaveLength(2));
    const [lost, loose] = await names(PODS, "elder");
    await plane.kubectl("delete", "pod", lost!);
    await plane.kubectl("label", "pod", loose!, "app=free", "--overwrite");
    await eventually(async () => {
      const now = await names(PODS, "elder");
      expect([now.length, now.includes(lost!), now.includes(loose!)]).toEqual([2, false, false]);
    });
    await eventually(async () => expect((await items(PODS, "free"))[0].metadata.ownerReferences).toBeUndefined());
    await plane.kubectl("scale", "rc", "elder", "--replicas=3");
    await plane.kubectl("label", "pod", loose!, "app=elder", "--overwrite");
    await eventually(async () => {
      const now = await items(PODS, "elder");
      expect(now.map(({ metadata }) => metadata.ownerReferences?.[0].kind)).toEqual([
        "ReplicationController",
        "ReplicationController",
        "ReplicationController",
      ]);
      expect((await plane.call("GET", "/api/v1/namespaces/default/replicationcontrollers/elder")).body.status).toMatchObject({
        replicas: 3,
        fullyLabeledReplicas: 3,
      });
    });
    const described = await plane.kubectl("describe", "rc", "elder");
    expect(described).toMatch(/Replicas:\s+3 current \/ 3 desired/);
    expect(described).toMatch(/Normal\s+SuccessfulCreate\s+\S+( \(x\d+ over \S+\))?\s+replication-controller\s+Created pod: elder-\w{5}/);
    await plane.kubectl("delete", "rc", "elder");
    await eventually(async () => expect(await names(PODS, "elder")).toEqual([]));
  });
});
