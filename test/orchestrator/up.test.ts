/** A whole cluster as its users meet it: strata up, kubectl, real containers. */
import { once } from "node:events";
import { get } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runStrata, serveStrata, strataOutput } from "../support/cli.ts";
import { eventually, TestCluster, UP } from "../support/cluster.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { deploymentOf } from "./deployment-of.ts";
import { makeWebImages } from "./web-images.ts";

let cluster: TestCluster;
let root: TemporaryRoot;

beforeAll(async () => {
  cluster = await TestCluster.start(async (fresh) => await makeWebImages(fresh, "v1", "v2"));
  ({ root } = cluster);
});

afterAll(async () => await cluster[Symbol.asyncDispose]());

const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);
const apply = async (manifest: object): Promise<string> => await cluster.apply(manifest);

const SERVER = `
const { createServer } = require("node:http");
let leaving = false;
const server = createServer((_, response) => { if (leaving) response.setHeader("connection", "close"); response.end(process.env.VERSION + " " + process.env.POD); });
process.on("SIGTERM", () => { leaving = true; setTimeout(() => server.close(() => process.exit(0)), 2000); });
server.listen(8080, () => console.log("listening as " + process.env.VERSION));
`;

function web(name: string, replicas: number, more: object = {}): object {
  const container = {
    name: "web",
    image: "local/web:v1",
    command: ["node", "-e", SERVER],
    env: [
      { name: "VERSION", value: "v1" },
      { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    ],
    ports: [{ name: "http", containerPort: 8080 }],
    readinessProbe: { httpGet: { path: "/", port: "http" } },
    ...more,
  };
  return deploymentOf(name, replicas, { terminationGracePeriodSeconds: 20, containers: [container] });
}

async function pods(selector: string): Promise<readonly any[]> {
  return JSON.parse(await kubectl("get", "pods", "-l", selector, "-o", "json")).items;
}

const idOf = (pod: any): string => String(pod.status.containerStatuses[0].containerID).replace("strata://", "");

describe("a Deployment of three replicas", { timeout: 300_000 }, () => {
  test("comes up, every pod Ready, and tells its story in events", async () => {
    await apply(web("web", 3));
    expect(await kubectl("rollout", "status", "deployment/web", "--timeout=120s")).toContain("successfully rolled out");
    expect(await kubectl("get", "deployment", "web", "--no-headers")).toMatch(/^web\s+3\/3\s+3\s+3/);
    const described = await kubectl("describe", "deployment", "web");
    expect(described).toMatch(/Normal\s+ScalingReplicaSet\s.*Scaled up replica set web-\w+ to 3/);
    const [pod] = await pods("app=web");
    const story = await kubectl("describe", "pod", pod.metadata.name);
    for (const reason of ["Scheduled", "Pulled", "Created", "Started"]) expect(story).toContain(reason);
  });

  test("a killed process is started again in the same pod", async () => {
    const [pod] = await pods("app=web");
    const pid = Number(await strataOutput(root, "inspect", "--format", "{{.State.Pid}}", idOf(pod)));
    process.kill(pid, "SIGKILL");
    await eventually(async () => {
      const after = JSON.parse(await kubectl("get", "pod", pod.metadata.name, "-o", "json"));
      expect(after.metadata.uid).toBe(pod.metadata.uid);
      expect(after.status.podIP).toBe(pod.status.podIP);
      expect(after.status.containerStatuses[0]).toMatchObject({ restartCount: 1, ready: true, lastState: { terminated: { exitCode: 137, reason: "Error" } } });
    });
  });

  test("a deleted pod is replaced by another", async () => {
    const [lost] = await pods("app=web");
    await kubectl("delete", "pod", lost.metadata.name);
    await kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=120s");
    await eventually(async () => {
      const names = (await pods("app=web")).filter((pod) => pod.metadata.deletionTimestamp === undefined).map((pod) => pod.metadata.name);
      expect(names).toHaveLength(3);
      expect(names).not.toContain(lost.metadata.name);
    });
  });

  test("logs and exec reach the container, which has its pod's name", async () => {
    const [pod] = await pods("app=web");
    const { name } = pod.metadata;
    await eventually(async () => expect(await kubectl("logs", name)).toContain("listening as"));
    expect(await kubectl("exec", name, "--", "cat", "/etc/hostname")).toBe(name);
    await expect(kubectl("exec", name, "--", "sh", "-c", "exit 7")).rejects.toMatchObject({ code: 7 });
  });

  test("logs -f follows until it is told to end", async () => {
    await apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "teller" },
      spec: {
        restartPolicy: "Never",
        containers: [{ name: "c", image: "local/web:v1", command: ["sh", "-c", "for i in 1 2 3; do echo line $i; sleep 0.2; done"] }],
      },
    });
    await eventually(async () => void (await kubectl("logs", "teller")));
    expect(await kubectl("logs", "-f", "teller")).toBe("line 1\nline 2\nline 3");
    await kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/teller", "--timeout=120s");
    await kubectl("delete", "pod", "teller");
  });

  test("a bad image stops the roll with the old replicas serving; undo heals it", async () => {
    await kubectl("set", "image", "deployment/web", "web=local/none:v9");
    await eventually(async () => {
      const reasons = (await pods("app=web")).map((pod) => pod.status.containerStatuses?.[0]?.state.waiting?.reason);
      expect(reasons.filter((reason) => reason === "ErrImagePull" || reason === "ImagePullBackOff")).toHaveLength(1);
    });
    expect(await kubectl("get", "deployment", "web", "-o", "jsonpath={.status.availableReplicas}")).toBe("3");
    await kubectl("rollout", "undo", "deployment/web");
    expect(await kubectl("rollout", "status", "deployment/web", "--timeout=120s")).toContain("successfully rolled out");
  });

  test("rolls to another image and back to a numbered revision", async () => {
    await kubectl("set", "image", "deployment/web", "web=local/web:v2");
    await kubectl("rollout", "status", "deployment/web", "--timeout=120s");
    const history = await kubectl("rollout", "history", "deployment/web");
    expect(
      history
        .split("\n")
        .slice(2)
        .map((line) => line.split(/\s+/)[0]),
    ).toEqual(["2", "3", "4"]);
    await kubectl("rollout", "undo", "deployment/web", "--to-revision=3");
    await kubectl("rollout", "status", "deployment/web", "--timeout=120s");
    const images = (await pods("app=web")).filter((pod) => pod.metadata.deletionTimestamp === undefined).map((pod) => pod.spec.containers[0].image);
    expect(new Set(images)).toEqual(new Set(["local/web:v1"]));
  });

  test.each([
    ["SIGTERM", [0, null]],
    ["SIGKILL", [null, "SIGKILL"]],
  ] as const)("%s ends the control plane at once and restarts no container", async (signal, want) => {
    const facts = async () =>
      (await pods("app=web"))
        .filter((pod) => pod.metadata.deletionTimestamp === undefined)
        .map((pod) => [pod.metadata.name, idOf(pod), pod.status.containerStatuses[0].restartCount, pod.status.podIP]);
    await eventually(async () => expect(await facts()).toHaveLength(3));
    const before = await facts();
    const pids = await Promise.all(before.map(async ([, id]) => await strataOutput(root, "inspect", "--format", "{{.State.Pid}}", String(id))));
    const ended = once(cluster.server.process, "exit", { signal: AbortSignal.timeout(60_000) });
    cluster.server.process.kill(signal);
    expect(await ended).toEqual(want);
    cluster.server = await serveStrata(root, UP, /^ready$/);
    expect(await kubectl("rollout", "status", "deployment/web", "--timeout=120s")).toContain("successfully rolled out");
    expect(await facts()).toEqual(before);
    expect(await Promise.all(before.map(async ([, id]) => await strataOutput(root, "inspect", "--format", "{{.State.Pid}}", String(id))))).toEqual(pids);
    const [pod] = await pods("app=web");
    expect(await kubectl("exec", pod.metadata.name, "--", "echo", "still here")).toBe("still here");
  });

  test("a second control plane on the same root is refused", async () => {
    const { status, stderr } = await runStrata(root, UP);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^strata: Cannot start the cluster in .*\/cluster: process \d+ runs it already\n.*'strata down' ends it/);
  });

  test("a port that is taken is told, with what to do", async () => {
    using other = temporaryRoot();
    const [port] = /\d+$/.exec(await kubectl("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")) ?? [];
    const { status, stderr } = await runStrata(other, ["up", "--listen", `127.0.0.1:${port}`]);
    expect([status, stderr.split("\n")[0]]).toEqual([1, `strata: Cannot listen on 127.0.0.1:${port}: another program listens there`]);
  });

  test("deleting it removes its sets, its pods and their containers", async () => {
    await kubectl("delete", "deployment", "web");
    await eventually(async () => {
      expect(await kubectl("get", "replicasets,pods", "-l", "app=web", "-o", "name")).toBe("");
      expect(await strataOutput(root, "ps", "-aq")).toBe("");
    });
  });
});

describe("a rolling update", { timeout: 300_000 }, () => {
  const PORT = 28_411;

  async function ask(): Promise<string> {
    return await new Promise((resolve, reject) => {
      const request = get({ port: PORT, host: "127.0.0.1", agent: false, timeout: 5000 }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve(text));
        response.on("error", reject);
      });
      request.on("error", reject);
    });
  }

  test("fails no request of those who poll throughout", async () => {
    await apply(web("shop", 3, { env: [{ name: "VERSION", value: "v1" }] }));
    await apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "shop" },
      spec: { type: "LoadBalancer", selector: { app: "shop" }, ports: [{ port: PORT, targetPort: "http" }] },
    });
    await kubectl("rollout", "status", "deployment/shop", "--timeout=120s");
    await eventually(async () => expect(await ask()).toContain("v1"));
    const seen = new Set<string>();
    const failures: string[] = [];
    let polling = true;
    const client = async (): Promise<void> => {
      while (polling) {
        await ask().then(
          (text) => seen.add(text.slice(0, 2)),
          (error: unknown) => failures.push(String(error)),
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const clients = [client(), client(), client()];
    await kubectl("set", "env", "deployment/shop", "VERSION=v2");
    await kubectl("rollout", "status", "deployment/shop", "--timeout=120s");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    polling = false;
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect([...seen].toSorted()).toEqual(["v1", "v2"]);
    expect(await ask()).toContain("v2");
    await kubectl("delete", "deployment,service", "shop");
  });
});

describe("deleting an owner", { timeout: 300_000 }, () => {
  const idle = (name: string): object => web(name, 1);

  test("in the foreground waits for what it owns", async () => {
    await apply(idle("front"));
    await kubectl("rollout", "status", "deployment/front", "--timeout=120s");
    await kubectl("delete", "deployment", "front", "--cascade=foreground", "--timeout=120s");
    expect(await kubectl("get", "replicasets,pods", "-l", "app=front", "-o", "name")).toBe("");
  });

  test("as an orphanage leaves it running, for the next owner to adopt", async () => {
    await apply(idle("left"));
    await kubectl("rollout", "status", "deployment/left", "--timeout=120s");
    const [before] = await pods("app=left");
    await kubectl("delete", "deployment", "left", "--cascade=orphan");
    await apply(idle("left"));
    await kubectl("rollout", "status", "deployment/left", "--timeout=120s");
    const [after, ...more] = await pods("app=left");
    expect([after.metadata.uid, more.length]).toEqual([before.metadata.uid, 0]);
    await kubectl("delete", "deployment", "left", "--cascade=foreground", "--timeout=120s");
  });
});

describe("without kubectl", { timeout: 300_000 }, () => {
  test("deploy, get, scale, rollout and delete do the same", async () => {
    const deployed = await strataOutput(root, "deploy", "local/web:v1", "--name", "plain", "--replicas", "2", "--dry-run", "-o", "yaml");
    expect(deployed).toContain("kind: Deployment");
    await apply(web("plain", 2));
    expect(await strataOutput(root, "rollout", "status", "deployment/plain", "--timeout", "120s")).toContain("successfully rolled out");
    expect(await strataOutput(root, "describe", "deployment", "plain")).toMatch(/ScalingReplicaSet\s.*Scaled up replica set plain-\w+ to 2/);
    await strataOutput(root, "scale", "deployment/plain", "--replicas", "1");
    await eventually(async () => expect(await strataOutput(root, "get", "deploy", "plain")).toMatch(/plain\s+1\/1\s+1\s+1/));
    await kubectl("autoscale", "deployment", "plain", "--max=3");
    expect((await strataOutput(root, "get", "all")).match(/^horizontalpodautoscaler/gm)).toHaveLength(1);
    await kubectl("delete", "hpa", "plain");
    await strataOutput(root, "rollout", "restart", "deployment/plain");
    await strataOutput(root, "rollout", "status", "deployment/plain", "--timeout", "120s");
    expect(await strataOutput(root, "rollout", "history", "deployment/plain")).toMatch(/^2\s+<none>$/m);
    expect(await strataOutput(root, "delete", "deployment/plain")).toBe('deployment.apps "plain" deleted');
    const { status, stderr } = await runStrata(root, ["get", "pod", "nobody"]);
    expect([status, stderr.trim()]).toEqual([1, 'Error from server (NotFound): pods "nobody" not found']);
  });
});
