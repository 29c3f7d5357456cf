/** DaemonSets as their users meet them: strata up, kubectl, a real container. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { template } from "./waiting-pods.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => {
    for (const tag of ["v1", "v2"]) await strataOutput(root, "base", "create", `local/app:${tag}`, "--bin", "sh,cat,sleep,hostname");
  });
});

afterAll(async () => await cluster[Symbol.asyncDispose]());

function daemonSet(name: string, spec: object = {}): object {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name },
    spec: { selector: { matchLabels: { app: name } }, template: template(name), ...spec },
  };
}

const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);
const strata = async (...args: readonly string[]): Promise<string> => await strataOutput(cluster.root, ...args);

const images = async (app: string): Promise<readonly string[]> =>
  (await cluster.pods(`app=${app}`))
    .toSorted((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1))
    .map((pod) => pod.spec.containers[0].image.replace("local/app:", ""));
const done = async (target: string): Promise<string> => await kubectl("rollout", "status", target, "--timeout=120s");
/** Messages of events with this reason, in order. */
const told = async (kind: string, name: string, reason: string): Promise<readonly string[]> => {
  const { items } = await cluster.get("events", "--field-selector", `involvedObject.kind=${kind},involvedObject.name=${name},reason=${reason}`);
  return items.toSorted((left: any, right: any) => (left.metadata.name < right.metadata.name ? -1 : 1)).map((event: any) => event.message);
};

describe("a DaemonSet", { timeout: 300_000 }, () => {
  const pods = async (): Promise<readonly any[]> => await cluster.pods("app=agent");

  test("puts a pod on the node, through the scheduler and with its tolerations", async () => {
    await cluster.apply(daemonSet("agent"));
    expect(await done("daemonset/agent")).toContain('daemon set "agent" successfully rolled out');
    const [pod] = await pods();
    expect(pod.spec.nodeName).toBe("here");
    expect(pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms).toEqual([
      { matchFields: [{ key: "metadata.name", operator: "In", values: ["here"] }] },
    ]);
    expect(pod.spec.tolerations).toContainEqual({ key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" });
    expect(await kubectl("get", "daemonset", "agent", "--no-headers")).toMatch(/^agent\s+1\s+1\s+1\s+1\s+1\s+<none>/);
    expect(pod.metadata.labels).toMatchObject({ "controller-revision-hash": expect.any(String), "pod-template-generation": "1" });
    expect(await told("DaemonSet", "agent", "SuccessfulCreate")).toEqual([`Created pod: ${pod.metadata.name}`]);
    expect(await told("Pod", pod.metadata.name, "Scheduled")).toEqual([`Successfully assigned default/${pod.metadata.name} to here`]);
  });

  test("stays on a cordoned node, and makes a deleted pod again there", async () => {
    await kubectl("cordon", "here");
    const [{ metadata }] = await pods();
    await kubectl("delete", "pod", metadata.name);
    await eventually(async () => expect((await pods()).map((pod) => pod.status.phase)).toEqual(["Running"]));
    await kubectl("uncordon", "here");
  });

  test("leaves a node that a taint or a label takes from it, and comes back", async () => {
    await kubectl("taint", "node", "here", "maintenance=yes:NoExecute");
    await eventually(async () => expect(await pods()).toEqual([]));
    await eventually(async () => expect((await cluster.get("daemonset", "agent")).status.desiredNumberScheduled).toBe(0));
    await kubectl("taint", "node", "here", "maintenance-");
    await eventually(async () => expect(await pods()).toHaveLength(1));
    await kubectl("patch", "daemonset", "agent", "-p", JSON.stringify({ spec: { template: { spec: { nodeSelector: { disk: "ssd" } } } } }));
    await eventually(async () => expect(await pods()).toEqual([]));
    await kubectl("label", "node", "here", "disk=ssd");
    await eventually(async () => expect(await pods()).toHaveLength(1)); // before it is wanted, none is rolled out
    expect(await done("daemonset/agent")).toContain("successfully rolled out");
    expect(await pods()).toHaveLength(1);
  });

  test("rolls to another image, back, and restarts", async () => {
    await kubectl("set", "image", "daemonset/agent", "main=local/app:v2");
    await done("daemonset/agent");
    expect(await images("agent")).toEqual(["v2"]);
    expect(await kubectl("rollout", "history", "daemonset/agent")).toMatch(/^3\s/m);
    expect(await kubectl("rollout", "undo", "daemonset/agent")).toContain("rolled back");
    await done("daemonset/agent");
    expect(await images("agent")).toEqual(["v1"]);
    const [{ metadata }] = await pods();
    await kubectl("rollout", "restart", "daemonset/agent");
    await done("daemonset/agent");
    const [after] = await pods();
    expect(after.metadata.labels["pod-template-generation"], "templates so far: a selector, an image, back, restarted").toBe("5");
    expect(after.metadata.name).not.toBe(metadata.name);
    expect(await strata("rollout", "history", "daemonset/agent")).toMatch(/^5\s+<none>$/m);
    expect(await strata("rollout", "undo", "ds/agent")).toBe("daemonset.apps/agent rolled back");
    expect(await strata("rollout", "status", "ds/agent", "--timeout", "120s")).toContain('daemon set "agent" successfully rolled out');
  });

  test("with maxSurge the old pod serves until the new one is ready", async () => {
    const gated = template("agent", { image: "local/app:v2", readinessProbe: { exec: { command: ["cat", "/ready"] }, periodSeconds: 1 } });
    await cluster.apply(daemonSet("agent", { updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }, template: gated }));
    await eventually(async () => expect((await images("agent")).toSorted()).toEqual(["v1", "v2"]));
    const fresh = (await pods()).find((pod) => pod.spec.containers[0].image.endsWith("v2"));
    await eventually(async () => await kubectl("exec", fresh.metadata.name, "--", "sh", "-c", ": > /ready"));
    expect(await done("daemonset/agent")).toContain("successfully rolled out");
    await eventually(async () => expect(await images("agent")).toEqual(["v2"]));
  });

  test("leaves its pod alone with OnDelete", async () => {
    await kubectl("patch", "daemonset", "agent", "--type=merge", "-p", JSON.stringify({ spec: { updateStrategy: { type: "OnDelete", rollingUpdate: null } } }));
    await kubectl("set", "image", "daemonset/agent", "main=local/app:v1");
    await eventually(async () => expect((await cluster.get("daemonset", "agent")).status.updatedNumberScheduled).toBeUndefined());
    expect(await images("agent")).toEqual(["v2"]);
    await kubectl("delete", "daemonset", "agent");
    await eventually(async () => expect(await kubectl("get", "pods,controllerrevisions", "-l", "app=agent", "-o", "name")).toBe(""));
  });
});
