/** Probes of all kinds against real servers in containers: what they decide, how often, and what users are told. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, type TestCluster } from "../support/cluster.ts";
import { conditions, eventsOf, IDLE, IMAGE, pod, podCluster, sh, untilPod, untilReady } from "./pod-lab.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await podCluster();
}, 300_000);
afterAll(async () => await cluster[Symbol.asyncDispose](), 120_000);

/** Well while /tmp/well is there. */
const well = `const well = () => require("fs").existsSync("/tmp/well");`;
const HTTP = `${well} require("http").createServer((request, answer) => {
  answer.writeHead(request.url === "/health" && request.headers["x-probe"] === "yes" && well() ? 200 : 503).end();
}).listen(8081);`;
const TCP = `${well} let server; setInterval(() => {
  if (well() && !server) server = require("net").createServer((socket) => socket.end()).listen(8082);
  if (!well() && server) server = void server.close();
}, 50);`;
const GRPC = `${well} require("http2").createServer().on("stream", (stream, headers) => {
  const known = headers[":path"] === "/grpc.health.v1.Health/Check";
  let asked = Buffer.alloc(0);
  stream.on("data", (chunk) => (asked = Buffer.concat([asked, chunk])));
  stream.on("end", () => {
    const service = asked.subarray(7).toString();
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": known && service === "shop" ? "0" : "12" }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, well() ? 1 : 2]));
  });
}).listen(8083);`;

const kinds = [
  { name: "exec", script: undefined, probe: { exec: { command: ["cat", "/tmp/well"] } }, says: "cat: /tmp/well: No such file or directory" },
  {
    name: "http",
    script: HTTP,
    probe: { httpGet: { path: "/health", port: "web", httpHeaders: [{ name: "X-Probe", value: "yes" }] } },
    says: "HTTP probe failed with statuscode: 503",
  },
  { name: "tcp", script: TCP, probe: { tcpSocket: { port: 8082 } }, says: ":8082: connect: connection refused" },
  { name: "grpc", script: GRPC, probe: { grpc: { port: 8083, service: "shop" } }, says: 'service unhealthy (responded with "NOT_SERVING")' },
] as const;

function server({ name, script }: (typeof kinds)[number], more: object): object {
  const ports = name === "http" ? { ports: [{ name: "web", containerPort: 8081 }] } : {};
  return { name, image: IMAGE, command: script === undefined ? ["sh", "-c", IDLE] : ["node", "-e", script], ...ports, ...more };
}

const statusOf = (found: any, name: string): any => found.status.containerStatuses.find((one: any) => one.name === name);
const heal = async (podName: string, container: string): Promise<string> => await cluster.kubectl("exec", podName, "-c", container, "--", "touch", "/tmp/well");

describe("readiness", { timeout: 300_000 }, () => {
  test("of every kind holds the pod back until it succeeds, and takes it out again", async () => {
    const quick = { periodSeconds: 1, timeoutSeconds: 30 };
    await cluster.apply(pod("ready", { containers: kinds.map((kind) => server(kind, { readinessProbe: { ...kind.probe, ...quick, failureThreshold: 1 } })) }));
    await eventually(async () => {
      const events = await eventsOf(cluster, "ready");
      const told = kinds.filter(({ says }) => events.some((event) => event.startsWith("Warning Unhealthy: Readiness probe failed: ") && event.includes(says)));
      expect(told).toEqual(kinds);
    });
    const { status } = await cluster.get("pod", "ready");
    expect(status.conditions.find(({ type }: any) => type === "Ready")).toMatchObject({
      status: "False",
      reason: "ContainersNotReady",
      message: "containers with unready status: [exec http tcp grpc]",
    });
    for (const { name } of kinds) await heal("ready", name);
    await untilReady(cluster, "ready");
    await eventually(async () => expect(await cluster.kubectl("get", "pod", "ready", "--no-headers")).toMatch(/\s4\/4\s+Running\s+0\s/));
    for (const { name } of kinds) await cluster.kubectl("exec", "ready", "-c", name, "--", "rm", "/tmp/well");
    await untilPod(cluster, "ready", (found) => found.status.containerStatuses.every(({ ready }: any) => ready === false));
    expect((await cluster.get("pod", "ready")).status.containerStatuses.map(({ restartCount }: any) => restartCount)).toEqual([0, 0, 0, 0]);
  });

  test("needs as many successes in a row as it is told", async () => {
    const probe = { exec: { command: ["sh", "-c", "echo x >> /tmp/asked"] }, periodSeconds: 1, successThreshold: 3 };
    await cluster.apply(pod("thrice", { containers: [sh("c", IDLE, { readinessProbe: probe })] }));
    await untilReady(cluster, "thrice");
    expect(Number(await cluster.kubectl("exec", "thrice", "--", "sh", "-c", "wc -l < /tmp/asked"))).toBeGreaterThanOrEqual(3);
  });
});

describe("liveness", { timeout: 300_000 }, () => {
  test("of every kind restarts the container that fails, and no other", async () => {
    const life = { periodSeconds: 1, failureThreshold: 2, timeoutSeconds: 30, initialDelaySeconds: 4 };
    const healthy = sh("healthy", IDLE, { livenessProbe: { exec: { command: ["true"] }, ...life } });
    await cluster.apply(pod("alive", { containers: [...kinds.map((kind) => server(kind, { livenessProbe: { ...kind.probe, ...life } })), healthy] }));
    const found = await untilPod(cluster, "alive", (now) => kinds.every(({ name }) => now.status.containerStatuses && statusOf(now, name).restartCount > 0));
    expect(statusOf(found, "healthy").restartCount).toBe(0);
    await eventually(async () => {
      const events = (await eventsOf(cluster, "alive")).join("\n");
      for (const { name, says } of kinds) {
        expect(events).toContain(says);
        expect(events).toContain(`Normal Killing: Container ${name} failed liveness probe, will be restarted`);
      }
    });
  });

  test("gives up only after its threshold", async () => {
    const probe = { exec: { command: ["sh", "-c", "echo x >> /shared/asked; exit 1"] }, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 3 };
    const mounts = { volumeMounts: [{ name: "shared", mountPath: "/shared" }] };
    const containers = [sh("c", IDLE, { ...mounts, livenessProbe: probe }), sh("reader", IDLE, mounts)];
    await cluster.apply(pod("patient", { restartPolicy: "Never", volumes: [{ name: "shared", emptyDir: {} }], containers }));
    await untilPod(cluster, "patient", (now) => now.status.containerStatuses?.[0].state.terminated !== undefined);
    expect(await cluster.kubectl("exec", "patient", "-c", "reader", "--", "cat", "/shared/asked")).toBe("x\nx\nx");
    await eventually(async () => {
      const { items } = await cluster.get("events", "--field-selector", "involvedObject.name=patient,reason=Unhealthy");
      expect(items.map(({ count }: any) => count)).toEqual([3]);
    });
  });

  test("that takes too long has failed, and what it ran is ended", async () => {
    const probe = { exec: { command: ["sleep", "98765"] }, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 100 };
    await cluster.apply(pod("slow", { containers: [sh("c", IDLE, { livenessProbe: probe })] }));
    await eventually(async () =>
      expect((await eventsOf(cluster, "slow")).join("\n")).toContain('Liveness probe failed: command timed out: "sleep 98765" timed out after 1s'),
    );
    await eventually(async () => {
      const running = (await cluster.kubectl("exec", "slow", "--", "ps", "-e", "-o", "args")).split("\n").filter((line) => line.includes("98765"));
      expect(running.length).toBeLessThanOrEqual(1);
    });
  });

  test("kills within the probe's own grace", async () => {
    const probe = { exec: { command: ["false"] }, periodSeconds: 1, failureThreshold: 1, terminationGracePeriodSeconds: 1 };
    const deaf = sh("c", "trap '' TERM; while :; do sleep 0.1; done", { livenessProbe: probe });
    await cluster.apply(pod("graceless", { terminationGracePeriodSeconds: 600, containers: [deaf] }));
    await untilPod(cluster, "graceless", (now) => now.status.containerStatuses?.[0].restartCount > 0, 120_000);
    await cluster.kubectl("delete", "pod", "graceless", "--grace-period=1");
  });
});

describe("startup", { timeout: 300_000 }, () => {
  test("holds the other probes back until it has succeeded", async () => {
    const startupProbe = { exec: { command: ["cat", "/tmp/well"] }, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 60 };
    const livenessProbe = { exec: { command: ["cat", "/tmp/well"] }, periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 1 };
    await cluster.apply(pod("starting", { containers: [sh("c", IDLE, { startupProbe, livenessProbe })] }));
    await eventually(async () => expect((await eventsOf(cluster, "starting")).join("\n")).toContain("Startup probe failed: cat: /tmp/well"));
    const { status } = await cluster.get("pod", "starting");
    expect(status.containerStatuses[0]).toMatchObject({ started: false, ready: false, restartCount: 0, state: { running: {} } });
    await heal("starting", "c");
    const ready = await untilReady(cluster, "starting");
    expect(ready.status.containerStatuses[0]).toMatchObject({ started: true, restartCount: 0 });
    expect((await eventsOf(cluster, "starting")).join("\n")).not.toContain("Liveness");
    await cluster.kubectl("exec", "starting", "--", "rm", "/tmp/well");
    await untilPod(cluster, "starting", (now) => now.status.containerStatuses[0].restartCount > 0);
  });

  test("that never succeeds has the container killed", async () => {
    const startupProbe = { tcpSocket: { port: 1 }, periodSeconds: 1, failureThreshold: 2 };
    await cluster.apply(pod("unstarted", { containers: [sh("c", IDLE, { startupProbe })] }));
    await untilPod(cluster, "unstarted", (now) => now.status.containerStatuses?.[0].restartCount > 0);
    await eventually(async () =>
      expect((await eventsOf(cluster, "unstarted")).join("\n")).toContain("Normal Killing: Container c failed startup probe, will be restarted"),
    );
    expect(conditions(await cluster.get("pod", "unstarted"))["Ready"]).toBe("False");
  });
});
