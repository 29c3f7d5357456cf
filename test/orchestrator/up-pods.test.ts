/** Single pods as their users meet them: strata up, kubectl, real containers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { type TemporaryRoot } from "../support/root.ts";
import { makeWebImages } from "./web-images.ts";

let cluster: TestCluster;
let root: TemporaryRoot;

beforeAll(async () => {
  cluster = await TestCluster.start(async (fresh) => await makeWebImages(fresh, "v1"));
  ({ root } = cluster);
});

afterAll(async () => await cluster[Symbol.asyncDispose]());

const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);

const apply = async (manifest: object): Promise<string> => await cluster.apply(manifest);

describe("a pod", { timeout: 300_000 }, () => {
  const alone = (name: string, spec: object): object => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { terminationGracePeriodSeconds: 1, ...spec },
  });

  test("runs its init containers first, shares a volume, and reads its configuration", async () => {
    await apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "conf" }, data: { greeting: "hello" } });
    await apply(
      alone("family", {
        restartPolicy: "Never",
        volumes: [
          { name: "shared", emptyDir: {} },
          { name: "conf", configMap: { name: "conf" } },
        ],
        initContainers: [
          {
            name: "first",
            image: "local/web:v1",
            command: ["sh", "-c", "cat /conf/greeting > /shared/word"],
            volumeMounts: [
              { name: "shared", mountPath: "/shared" },
              { name: "conf", mountPath: "/conf" },
            ],
          },
        ],
        containers: [
          {
            name: "c",
            image: "local/web:v1",
            command: ["sh", "-c", "echo $(cat /shared/word) $NAME"],
            env: [{ name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
            volumeMounts: [{ name: "shared", mountPath: "/shared" }],
          },
        ],
      }),
    );
    await kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/family", "--timeout=120s");
    expect(await kubectl("logs", "family")).toBe("hello family");
    await kubectl("delete", "pod", "family");
  });

  test("that keeps failing is held back ever longer, and its last run can be read", async () => {
    await apply(alone("crash", { containers: [{ name: "c", image: "local/web:v1", command: ["sh", "-c", "echo run; exit 3"] }] }));
    await eventually(async () => {
      const { containerStatuses } = JSON.parse(await kubectl("get", "pod", "crash", "-o", "json")).status;
      expect(containerStatuses[0]).toMatchObject({
        restartCount: 1,
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { exitCode: 3 } },
      });
    });
    expect(await kubectl("get", "pod", "crash", "--no-headers")).toMatch(/0\/1\s+CrashLoopBackOff\s+1/);
    await strataOutput(root, "system", "prune", "--force");
    expect(await kubectl("logs", "crash", "--previous")).toBe("run");
    await kubectl("delete", "pod", "crash");
  });

  test("whose ended container someone removed says so when its logs are asked for", async () => {
    await apply(alone("gone", { restartPolicy: "Never", containers: [{ name: "c", image: "local/web:v1", command: ["echo", "said"] }] }));
    await eventually(async () => expect(await kubectl("get", "pod", "gone", "-o", "jsonpath={.status.phase}")).toBe("Succeeded"));
    expect(await kubectl("logs", "gone")).toBe("said");
    await strataOutput(root, "rm", await strataOutput(root, "ps", "-aq", "--filter", "label=io.kubernetes.pod.name=gone"));
    await expect(kubectl("logs", "gone")).rejects.toThrow('container "c" in pod "gone" was removed from the node');
    await kubectl("delete", "pod", "gone");
  });

  test("that fails its liveness probe is restarted", async () => {
    const livenessProbe = { exec: { command: ["sh", "-c", "exit 1"] }, periodSeconds: 1, failureThreshold: 1 };
    await apply(alone("sick", { containers: [{ name: "c", image: "local/web:v1", command: ["sleep", "60"], livenessProbe }] }));
    await eventually(async () =>
      expect(Number(await kubectl("get", "pod", "sick", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"))).toBeGreaterThan(0),
    );
    await eventually(async () => expect(await kubectl("describe", "pod", "sick")).toMatch(/Killing.*failed liveness probe, will be restarted/));
    await kubectl("delete", "pod", "sick");
  });

  test("that asks for too much waits, and tells why", async () => {
    await apply(alone("greedy", { containers: [{ name: "c", image: "local/web:v1", command: ["sleep", "60"], resources: { requests: { cpu: "1000" } } }] }));
    await eventually(async () => expect(await kubectl("describe", "pod", "greedy")).toContain("0/1 nodes are available: 1 Insufficient cpu."));
    await kubectl("delete", "pod", "greedy");
  });

  test("goes with its namespace", async () => {
    await kubectl("create", "namespace", "brief");
    await kubectl("run", "guest", "-n", "brief", "--image=local/web:v1", "--command", "--", "sleep", "60");
    await kubectl("wait", "-n", "brief", "--for=condition=Ready", "pod/guest", "--timeout=120s");
    await kubectl("delete", "pod", "guest", "-n", "brief", "--grace-period=0", "--force");
    await kubectl("create", "configmap", "left", "-n", "brief", "--from-literal=a=b");
    await kubectl("delete", "namespace", "brief", "--timeout=120s");
    expect(await kubectl("get", "namespace", "brief", "--ignore-not-found")).toBe("");
  });
});
