/** The life of a namespace: what it is born with, what holds it when it goes, and that it can come again. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planConditions } from "../../orchestrator/controllers/namespace/plan.ts";
import { eventually } from "../support/cluster.ts";
import { ControlPlane } from "./control-plane.ts";
import { kinds, manifest, spoil } from "./manifests.ts";
import { resources } from "../../orchestrator/schema/resources.ts";
import { pod } from "./objects.ts";

let plane: ControlPlane;

beforeAll(async () => {
  plane = await ControlPlane.start();
});

afterAll(async () => await plane[Symbol.asyncDispose]());

const path = (namespace: string, resource = "configmaps"): string => `/api/v1/namespaces/${namespace}/${resource}`;
const conditionsOf = async (name: string): Promise<Record<string, string>> => {
  const { body } = await plane.call("GET", `/api/v1/namespaces/${name}`);
  return Object.fromEntries((body.status.conditions ?? []).map((one: any) => [one.type, `${one.status} ${one.reason}: ${one.message}`]));
};

describe("a new namespace", () => {
  test("is active, carries its name as a label, and has an account and the cluster's authority", async () => {
    await plane.kubectl("create", "namespace", "fresh");
    const { body } = await plane.call("GET", "/api/v1/namespaces/fresh");
    expect([body.status.phase, body.spec.finalizers, body.metadata.labels]).toEqual(["Active", ["kubernetes"], { "kubernetes.io/metadata.name": "fresh" }]);
    expect(await plane.kubectl("get", "serviceaccounts,configmaps", "-n", "fresh", "-o", "name")).toBe("serviceaccount/default\nconfigmap/kube-root-ca.crt");
    expect((await plane.call("GET", `${path("fresh")}/kube-root-ca.crt`)).body.data["ca.crt"]).toMatch(/^-----BEGIN CERTIFICATE-----/);
  });

  test("gets both back when they are deleted, and its authority right when it is changed", async () => {
    await plane.kubectl("delete", "-n", "fresh", "serviceaccount/default", "configmap/kube-root-ca.crt");
    await eventually(async () => void (await plane.kubectl("get", "-n", "fresh", "serviceaccount/default", "configmap/kube-root-ca.crt")));
    await plane.kubectl("patch", "-n", "fresh", "configmap/kube-root-ca.crt", "--type=merge", "-p", '{"data":{"ca.crt":"forged"}}');
    await eventually(async () => expect((await plane.call("GET", `${path("fresh")}/kube-root-ca.crt`)).body.data["ca.crt"]).toContain("BEGIN CERTIFICATE"));
  });
});

test.each(["default", "kube-system", "kube-public"])("the namespace %s stays", async (name) => {
  const { status, body } = await plane.call("DELETE", `/api/v1/namespaces/${name}`);
  expect([status, body.reason, body.message]).toEqual([403, "Forbidden", `namespaces "${name}" is forbidden: this namespace may not be deleted`]);
});

test("deleting one removes everything in it, of every kind", async () => {
  await plane.kubectl("create", "namespace", "full");
  // Claims wait for whoever protects them, who is not here; deployment.test.ts has them all.
  const namespaced = kinds.filter((kind) => kind !== "PersistentVolumeClaim" && resources.find((one) => one.kind === kind)?.namespaced === true);
  await plane.apply(
    ...namespaced.map((kind) =>
      spoil(manifest(kind, "one"), { "metadata.namespace": "full", ...(kind === "Event" && { "involvedObject.namespace": "full" }) }),
    ),
  );
  await plane.apply(spoil(manifest("Deployment", "two"), { "metadata.namespace": "full", "spec.replicas": 3 }));
  await eventually(async () => expect((await plane.call("GET", path("full", "pods"))).body.items.length).toBeGreaterThanOrEqual(4));
  await plane.kubectl("delete", "namespace", "full", "--timeout=120s");
  expect((await plane.call("GET", "/api/v1/namespaces/full")).status).toBe(404);
  for (const { group, version, resource, verbs, namespaced: inside } of resources) {
    if (!inside || !verbs.includes("create") || !verbs.includes("list")) continue;
    const { body } = await plane.call("GET", `${group === "" ? "/api" : `/apis/${group}`}/${version}/namespaces/full/${resource}`);
    expect([resource, body.items]).toEqual([resource, []]);
  }
});

describe("a namespace that something holds", () => {
  const held = (finalizers: readonly string[]): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "held", namespace: "going", finalizers } });

  test("is Terminating and says what is left and what holds it", async () => {
    await plane.kubectl("create", "namespace", "going");
    await plane.apply(held(["example.com/hold"]));
    await plane.kubectl("delete", "namespace", "going", "--wait=false");
    expect(await plane.kubectl("get", "namespace", "going", "--no-headers")).toMatch(/^going\s+Terminating/);
    await eventually(async () =>
      expect(await conditionsOf("going")).toEqual({
        NamespaceDeletionDiscoveryFailure: "False ResourcesDiscovered: All resources successfully discovered",
        NamespaceDeletionGroupVersionParsingFailure: "False ParsedGroupVersions: All legacy kube types successfully parsed",
        NamespaceDeletionContentFailure: "False ContentDeleted: All content successfully deleted, may be waiting on finalization",
        NamespaceContentRemaining: "True SomeResourcesRemain: Some resources are remaining: configmaps. has 1 resource instances",
        NamespaceFinalizersRemaining:
          "True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
      }),
    );
  });

  test("takes nothing new", async () => {
    const { status, body } = await plane.call("POST", path("going"), { metadata: { name: "late" } });
    expect([status, body.message, body.details.causes]).toEqual([
      403,
      'configmaps "late" is forbidden: unable to create new content in namespace going because it is being terminated',
      [{ reason: "NamespaceTerminating", message: "namespace going is being terminated", field: "metadata.namespace" }],
    ]);
  });

  test("cannot be made again before it has gone", async () => {
    const { stderr, code } = await plane.run(["create", "namespace", "going"]);
    expect([code, stderr.trim()]).toEqual([1, 'Error from server (AlreadyExists): object is being deleted: namespaces "going" already exists']);
  });

  test("goes when it is let go, and can be made again right away", async () => {
    await plane.kubectl("patch", "configmap", "held", "-n", "going", "--type=json", "-p", '[{"op":"remove","path":"/metadata/finalizers"}]');
    await plane.kubectl("wait", "--for=delete", "namespace/going", "--timeout=120s");
    await plane.kubectl("create", "namespace", "going");
    expect(await plane.kubectl("get", "serviceaccounts,configmaps", "-n", "going", "-o", "name")).toBe("serviceaccount/default\nconfigmap/kube-root-ca.crt");
    await plane.kubectl("delete", "namespace", "going");
  });

  test("is let go by /finalize as well", async () => {
    await plane.kubectl("create", "namespace", "forced");
    await plane.apply({ ...held(["example.com/hold"]), metadata: { name: "held", namespace: "forced", finalizers: ["example.com/hold"] } });
    await plane.kubectl("delete", "namespace", "forced", "--wait=false");
    const { body } = await plane.call("GET", "/api/v1/namespaces/forced");
    const { status } = await plane.call("PUT", "/api/v1/namespaces/forced/finalize", { ...body, metadata: { name: "forced" }, spec: { finalizers: [] } });
    expect(status).toBe(200);
    expect((await plane.call("GET", "/api/v1/namespaces/forced")).status).toBe(404);
  });
});

test("a user cannot take the finalizer of a namespace by an ordinary write", async () => {
  await plane.kubectl("create", "namespace", "kept");
  const { body } = await plane.call("GET", "/api/v1/namespaces/kept");
  const { body: after } = await plane.call("PUT", "/api/v1/namespaces/kept", { ...body, spec: { finalizers: [] } });
  expect(after.spec.finalizers).toEqual(["kubernetes"]);
});

describe("the conditions of a namespace that is going", () => {
  const told = (content: ReadonlyMap<string, readonly any[]>, failed: readonly string[] = []): Record<string, string> =>
    Object.fromEntries(planConditions(content, failed).map(({ type, status, reason, message }) => [type, `${status} ${reason}: ${message}`]));

  test("count what is left by resource, the core group as an empty one", () => {
    const content = new Map([
      ["pods", [pod("a"), pod("b")]],
      ["deployments.apps", [pod("c")]],
    ]);
    expect(told(content)["NamespaceContentRemaining"]).toBe(
      "True SomeResourcesRemain: Some resources are remaining: deployments.apps has 1 resource instances, pods. has 2 resource instances",
    );
    expect(told(content)["NamespaceFinalizersRemaining"]).toBe("False ContentHasNoFinalizers: All content-preserving finalizers finished");
  });

  test("tell what could not be asked to go", () => {
    expect(told(new Map(), ["no"])["NamespaceDeletionContentFailure"]).toBe("True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: no");
  });
});
