import {
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  ListWatch,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  Watch,
  type V1ConfigMap,
  type V1Pod,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testApi, type TestApi } from "./api-server.ts";

let server: TestApi;
let config: KubeConfig;
let core: CoreV1Api;

beforeAll(async () => {
  server = await testApi();
  config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});

afterAll(async () => {
  expect(server.bugs).toEqual([]);
  await server[Symbol.asyncDispose]();
});

async function eventually(check: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !check(); await new Promise((resolve) => setTimeout(resolve, 10)))
    if (Date.now() > deadline) throw new Error("it did not come to be");
}

const pod = (name: string): V1Pod => ({ metadata: { name, labels: { app: "x" } }, spec: { containers: [{ name: "c", image: "x" }] } });

test("the typed client creates, reads, patches and deletes", async () => {
  const apps = config.makeApiClient(AppsV1Api);
  const made = await apps.createNamespacedDeployment({
    namespace: "default",
    body: {
      metadata: { name: "web" },
      spec: { selector: { matchLabels: { a: "b" } }, template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } } },
    },
  });
  expect([made.spec?.replicas, made.metadata?.creationTimestamp instanceof Date]).toEqual([1, true]);
  const patched = await apps.patchNamespacedDeployment(
    { namespace: "default", name: "web", body: { spec: { replicas: 4 } } },
    setHeaderOptions("Content-Type", PatchStrategy.StrategicMergePatch),
  );
  expect(patched.spec?.replicas).toBe(4);
  const scale = await apps.readNamespacedDeploymentScale({ namespace: "default", name: "web" });
  expect(scale.spec?.replicas).toBe(4);
  await apps.deleteNamespacedDeployment({ namespace: "default", name: "web" });
  await expect(apps.readNamespacedDeployment({ namespace: "default", name: "web" })).rejects.toThrow("404");
});

test("the untyped client finds kinds by discovery", async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const made = await objects.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "untyped", namespace: "default" } });
  const [found] = (await objects.list<V1ConfigMap>("v1", "ConfigMap", "default", undefined, undefined, undefined, "metadata.name=untyped")).items;
  expect(found?.metadata?.uid).toBe((made as V1ConfigMap).metadata?.uid);
});

test("a watch tells of changes", async () => {
  const seen: string[] = [];
  await core.createNamespacedPod({ namespace: "default", body: pod("there") });
  const controller = await new Watch(config).watch(
    "/api/v1/namespaces/default/pods",
    { labelSelector: "app=x" },
    (type: string, object: V1Pod) => void seen.push(`${type} ${object.metadata?.name}`),
    () => {},
  );
  await eventually(() => seen.length === 1); // it is under way
  await core.createNamespacedPod({ namespace: "default", body: pod("watched") });
  await core.deleteNamespacedPod({ namespace: "default", name: "watched" });
  await eventually(() => seen.length === 3);
  controller.abort();
  expect(seen).toEqual(["ADDED there", "ADDED watched", "DELETED watched"]);
  await core.deleteNamespacedPod({ namespace: "default", name: "there" });
});

test("an informer holds what is there, and follows", async () => {
  const list = async (): ReturnType<CoreV1Api["listNamespacedPod"]> => await core.listNamespacedPod({ namespace: "default" });
  await core.createNamespacedPod({ namespace: "default", body: pod("first") });
  const informer: ListWatch<V1Pod> = makeInformer(config, "/api/v1/namespaces/default/pods", list) as ListWatch<V1Pod>;
  const events: string[] = [];
  for (const verb of ["add", "update", "delete"] as const) informer.on(verb, ({ metadata }) => void events.push(`${verb} ${metadata?.name}`));
  await informer.start();
  await core.createNamespacedPod({ namespace: "default", body: pod("second") });
  await core.patchNamespacedPod(
    { namespace: "default", name: "second", body: { metadata: { labels: { more: "y" } } } },
    setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
  );
  await core.deleteNamespacedPod({ namespace: "default", name: "first" });
  await eventually(() => events.length === 4);
  expect(events).toEqual(["add first", "add second", "update second", "delete first"]);
  expect(informer.list("default").map(({ metadata }) => metadata?.name)).toEqual(["second"]);
  await informer.stop();
});
