/** Size and shelter of workloads as users meet them: top, autoscalers, budgets, drains and taints on a real cluster. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";

/** Everything at its quickest: a minute of the real thing is a few seconds here. */
const QUICK = ["--metric-resolution", "1s", "--horizontal-pod-autoscaler-sync-period", "1s", "--node-monitor-grace-period", "12s"];

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => {
    await strataOutput(root, "base", "create", "local/tool:v1", "--bin", "sh,cat,sleep,rm");
  }, QUICK);
});

afterAll(async () => await cluster[Symbol.asyncDispose]());

const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);

/** Runs until it is told to end; busy while /tmp/busy is there. */
const WORK = "trap 'exit 0' TERM; while :; do if [ -e /tmp/busy ]; then i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; else sleep 0.1; fi; done";

function workload(name: string, replicas: number, more: object = {}): object {
  const container = { name: "work", image: "local/tool:v1", command: ["sh", "-c", WORK], resources: { requests: { cpu: "100m", memory: "16Mi" } }, ...more };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [container], terminationGracePeriodSeconds: 1 } },
    },
  };
}

async function ready(name: string, replicas: number): Promise<void> {
  await eventually(async () => expect((await cluster.get("deployment", name)).status.readyReplicas ?? 0).toBe(replicas), 60_000);
}

describe("kubectl top and autoscalers", { timeout: 120_000 }, () => {
  test("top shows what nodes, pods and containers use", async () => {
    await cluster.apply(workload("busy", 1));
    await ready("busy", 1);
    const [pod] = await cluster.pods("app=busy");
    await kubectl("exec", pod.metadata.name, "--", "sh", "-c", ": > /tmp/busy");
    await eventually(async () => {
      const [, name, cpu, memory] = /^(\S+)\s+(\d+)m\s+(\d+)Mi/m.exec(await kubectl("top", "pod", "--no-headers", "-l", "app=busy")) ?? [];
      expect(name).toBe(pod.metadata.name);
      expect(Number(cpu)).toBeGreaterThan(50);
      expect(Number(memory)).toBeGreaterThanOrEqual(0);
    });
    expect(await kubectl("top", "pod", "-A", "--containers")).toMatch(/^default\s+busy-\S+\s+work\s+\d+m\s+\d+Mi/m);
    expect(await kubectl("top", "node")).toMatch(/^here\s+\d+m\s+\d+%\s+\d+Mi\s+\d+%/m);
    await expect(kubectl("top", "pod", "none")).rejects.toThrow(/podmetrics.metrics.k8s.io "default\/none" not found/);
  });

  test("get and api-resources show what is measured", async () => {
    expect(await kubectl("get", "pods.metrics.k8s.io", "-l", "app=busy")).toMatch(/^NAME\s+CPU\s+MEMORY\s+WINDOW\nbusy-\S+\s+\d+\S*\s+\d+\S*\s+[\d.]+s$/);
    expect(await kubectl("api-resources", "--api-group=metrics.k8s.io", "-o", "name")).toBe("nodes.metrics.k8s.io\npods.metrics.k8s.io");
    expect(await kubectl("get", "node", "-o", "name")).toBe("node/here");
  });

  test("kubectl autoscale grows a busy Deployment, and says why", async () => {
    await kubectl("autoscale", "deployment", "busy", "--cpu-percent=50", "--min=1", "--max=3");
    await eventually(async () => {
      const hpa = await cluster.get("hpa", "busy");
      expect(hpa.status.desiredReplicas).toBe(3);
      expect(hpa.status.currentMetrics[0].resource.current.averageUtilization).toBeGreaterThan(0);
      expect((await cluster.get("deployment", "busy")).spec.replicas).toBe(3);
    });
    expect(await kubectl("get", "hpa", "busy", "--no-headers")).toMatch(/^busy\s+Deployment\/busy\s+cpu: \d+%\/50%\s+1\s+3\s+[1-3]\s/);
    await eventually(async () => {
      const told = await kubectl("describe", "hpa", "busy");
      expect(told).toMatch(/Normal\s+SuccessfulRescale\s.*New size: [23]; reason: cpu resource utilization \(percentage of request\) above target/);
      expect(told).toMatch(/resource cpu on pods\s+\(as a percentage of request\):\s+\d+% \(\d+m\) \/ 50%/);
      expect(told).toMatch(
        /ScalingActive\s+True\s+ValidMetricFound\s+the HPA was able to successfully calculate a replica count from cpu resource utilization/,
      );
    });
  });

  test("it shrinks when the load ends, at the pace that its behavior allows", async () => {
    const patch = { spec: { behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } } };
    await kubectl("patch", "hpa", "busy", "--type=merge", "-p", JSON.stringify(patch));
    for (const { metadata } of await cluster.pods("app=busy")) await kubectl("exec", metadata.name, "--", "rm", "-f", "/tmp/busy");
    await eventually(async () => expect((await cluster.get("deployment", "busy")).spec.replicas).toBe(1), 30_000);
    await eventually(async () => expect(await kubectl("events", "--for=hpa/busy")).toContain("New size: 1; reason: All metrics below target"));
    const v1 = JSON.parse(await kubectl("get", "horizontalpodautoscalers.v1.autoscaling", "busy", "-o", "json"));
    expect(v1.spec.targetCPUUtilizationPercentage).toBe(50);
    await kubectl("delete", "hpa", "busy");
  });
});
