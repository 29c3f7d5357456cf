/** The example of a web server with a volume each: names and pages outlive every pod. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { projectRoot } from "../support/root.ts";

const example = join(projectRoot, "examples/web-stateful");
const manifest = readFileSync(join(example, "web.yaml"), "utf8");
const PODS = ["web-0", "web-1", "web-2"];

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => {
    await strataOutput(root, "base", "create", "local/nginx", "--bin", "nginx,sh,cat,hostname,mkdir,curl,getent,sleep");
    for (const version of ["v1", "v2"]) await strataOutput(root, "build", "-t", `web-stateful:${version}`, "--build-arg", `VERSION=${version}`, example);
  });
}, 300_000);

afterAll(async () => await cluster[Symbol.asyncDispose]());

const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);
const names = async (): Promise<readonly string[]> => (await cluster.pods("app=nginx")).map((pod): string => pod.metadata.name).toSorted();
const done = async (): Promise<string> => await kubectl("rollout", "status", "statefulset/web", "--timeout=180s");
/** What the client's pod gets from a pod by its stable name. */
const page = async (pod: string, path = "/"): Promise<string> => await kubectl("exec", "client", "--", "curl", "-sS", "-m", "5", `http://${pod}.nginx${path}`);
const pages = async (pods = PODS): Promise<readonly string[]> => await Promise.all(pods.map(async (pod) => await page(pod)));
const versions = async (): Promise<readonly string[]> => await Promise.all(PODS.map(async (pod) => await page(pod, "/version")));
const addressOf = async (pod: string): Promise<string> => (await cluster.get("pod", pod)).status.podIP;
const resolved = async (name: string): Promise<readonly string[]> =>
  (await kubectl("exec", "client", "--", "getent", "ahostsv4", name))
    .split("\n")
    .filter((line) => line.includes("STREAM"))
    .map((line) => line.split(/\s/)[0] ?? "")
    .toSorted();
/** Every page is its pod's own, over the names. */
const keptPages = async (): Promise<void> => await eventually(async () => expect(await pages()).toEqual(PODS.map((pod) => `page of ${pod}`)));

const client = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "client" },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "client", image: "local/nginx", imagePullPolicy: "IfNotPresent", command: ["sleep", "3600"] }],
  },
};

describe("a web server with a volume each", { timeout: 300_000 }, () => {
  test("starts in order, each pod with a volume of its own", async () => {
    await cluster.apply(manifest, client);
    await done();
    const pods = (await Promise.all(PODS.map(async (name) => await cluster.get("pod", name)))) as readonly any[];
    const readyAt = (pod: any): number => Date.parse(pod.status.conditions.find(({ type }: any) => type === "Ready").lastTransitionTime);
    for (const [index, pod] of pods.slice(1).entries()) expect(Date.parse(pod.metadata.creationTimestamp)).toBeGreaterThanOrEqual(readyAt(pods[index]));
    const claims = await kubectl("get", "pvc", "-l", "app=nginx", "--no-headers");
    for (const pod of PODS) expect(claims).toMatch(new RegExp(`^www-${pod}\\s+Bound\\s+pvc-\\S+\\s+1Gi\\s+RWO\\s`, "m"));
    expect(await kubectl("get", "pv", "--no-headers")).toMatch(/(?:.*default\/www-web-\d.*\n?){3}/);
  });

  test("each pod has a stable name, and the service has all of them", async () => {
    await kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=180s");
    for (const pod of PODS) {
      expect(await kubectl("exec", pod, "--", "hostname")).toBe(pod);
      await eventually(async () => expect(await resolved(`${pod}.nginx.default.svc.cluster.local`)).toEqual([await addressOf(pod)]));
    }
    await eventually(async () => expect(await resolved("nginx")).toEqual((await Promise.all(PODS.map(addressOf))).toSorted()));
  });

  test("what each pod wrote is served under its name", async () => {
    for (const pod of PODS) await kubectl("exec", pod, "--", "sh", "-c", `printf "page of $(hostname)" > /usr/share/nginx/html/index.html`);
    await keptPages();
  });

  test("deleted pods come back with their names and pages", async () => {
    const before = await Promise.all(PODS.map(async (pod) => (await cluster.get("pod", pod)).metadata.uid));
    await kubectl("delete", "pod", "-l", "app=nginx");
    await eventually(async () => {
      const after = await Promise.all(PODS.map(async (pod) => (await cluster.get("pod", pod)).metadata.uid));
      expect(after.filter((uid) => before.includes(uid))).toEqual([]);
    });
    await done();
    await keptPages();
  });

  test("a server that is killed -9 is back with its name and page", async () => {
    const { metadata, status } = await cluster.get("pod", "web-1");
    const id = status.containerStatuses[0].containerID.replace("strata://", "");
    process.kill(Number(await strataOutput(cluster.root, "inspect", "--format", "{{.State.Pid}}", id)), "SIGKILL");
    await eventually(async () => {
      const pod = await cluster.get("pod", "web-1");
      expect(pod.metadata.uid).toBe(metadata.uid);
      expect(pod.status.containerStatuses[0]).toMatchObject({ restartCount: 1, ready: true });
    });
    await keptPages();
  });

  test("a pod that is deleted by force is back with its name and page", async () => {
    const { metadata } = await cluster.get("pod", "web-2");
    await kubectl("delete", "pod", "web-2", "--grace-period=0", "--force");
    await eventually(async () => expect((await cluster.get("pod", "web-2")).metadata.uid).not.toBe(metadata.uid));
    await done();
    await keptPages();
  });

  test("scales to one from the top, keeps the claims, and back to three with every page", async () => {
    await kubectl("scale", "statefulset", "web", "--replicas=1");
    await eventually(async () => expect(await kubectl("get", "pods", "-l", "app=nginx", "-o", "name")).toBe("pod/web-0"));
    await eventually(async () => expect(await resolved("nginx")).toEqual([await addressOf("web-0")]));
    expect((await kubectl("get", "pvc", "-l", "app=nginx", "-o", "name")).split("\n")).toHaveLength(3);
    await kubectl("scale", "statefulset", "web", "--replicas=3");
    await eventually(async () => expect(await names()).toEqual(PODS));
    await done();
    await keptPages();
  });

  test("updates the last pod alone by partition, then the others, and rolls back", async () => {
    const partition = async (from: number): Promise<string> =>
      await kubectl(
        "patch",
        "statefulset",
        "web",
        "-p",
        JSON.stringify({ spec: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: from } } } }),
      );
    await partition(2);
    await kubectl("set", "image", "statefulset/web", "nginx=web-stateful:v2");
    expect(await done()).toContain("partitioned roll out complete: 1 new pods have been updated...");
    await eventually(async () => expect(await versions()).toEqual(["v1", "v1", "v2"]));
    await partition(0);
    await done();
    await eventually(async () => expect(await versions()).toEqual(["v2", "v2", "v2"]));
    await kubectl("rollout", "undo", "statefulset/web");
    await done();
    await eventually(async () => expect(await versions()).toEqual(["v1", "v1", "v1"]));
    await keptPages();
  });

  test("a restart of the control plane stops no server", async () => {
    const started = async (): Promise<readonly string[]> =>
      (await cluster.pods("app=nginx")).map((pod): string => `${pod.metadata.uid} ${pod.status.containerStatuses[0].containerID}`).toSorted();
    const before = await started();
    await cluster.restart("SIGKILL");
    await done();
    expect(await started()).toEqual(before);
    await keptPages();
  });

  test("is cleaned up: the set, then its claims, and with them the volumes", async () => {
    await cluster.feed(manifest, "delete", "-f", "-");
    await eventually(async () => expect(await kubectl("get", "pods", "-l", "app=nginx", "-o", "name")).toBe(""));
    expect((await kubectl("get", "pvc", "-l", "app=nginx", "-o", "name")).split("\n")).toHaveLength(3);
    await kubectl("delete", "pvc", "-l", "app=nginx");
    await eventually(async () => expect(await kubectl("get", "pv", "-o", "name")).toBe(""));
  });
});
