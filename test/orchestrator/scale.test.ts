/** Size and shelter of workloads as users meet them: top, autoscalers, budgets, drains and taints on a real cluster. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { deploymentOf } from "./deployment-of.ts";

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
  return deploymentOf(name, replicas, { terminationGracePeriodSeconds: 1, containers: [container] });
}

async function ready(name: string, replicas: number): Promise<void> {
  await eventually(async () => expect((await cluster.get("deployment", name)).status.readyReplicas ?? 0).toBe(replicas), 120_000);
}

describe("kubectl top and autoscalers", { timeout: 300_000 }, () => {
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
    await eventually(async () =>
      expect(await kubectl("get", "hpa", "busy", "--no-headers")).toMatch(/^busy\s+Deployment\/busy\s+cpu: \d+%\/50%\s+1\s+3\s+[1-3]\s/),
    );
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
    await eventually(async () => {
      for (const { metadata } of await cluster.pods("app=busy")) await kubectl("exec", metadata.name, "--", "rm", "-f", "/tmp/busy"); // some just start, or go
    });
    await eventually(async () => expect((await cluster.get("deployment", "busy")).spec.replicas).toBe(1), 120_000);
    await eventually(async () => expect(await kubectl("events", "--for=hpa/busy")).toContain("New size: 1; reason: All metrics below target"));
    const v1 = JSON.parse(await kubectl("get", "horizontalpodautoscalers.v1.autoscaling", "busy", "-o", "json"));
    expect(v1.spec.targetCPUUtilizationPercentage).toBe(50);
    await kubectl("delete", "hpa", "busy");
  });

  test("an autoscaler brings StatefulSets and ReplicaSets to its minimum, and says what it cannot reach", async () => {
    const target = (kind: string, name: string, more: object = {}): object => ({
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name },
      spec: { scaleTargetRef: { apiVersion: "apps/v1", kind, name }, minReplicas: 2, maxReplicas: 3, ...more },
    });
    const labelled = (name: string): any => (workload(name, 1) as any).spec;
    await cluster.apply(
      { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { name: "plain-set" }, spec: labelled("plain-set") },
      { apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "stateful" }, spec: { ...labelled("stateful"), serviceName: "stateful" } },
      target("ReplicaSet", "plain-set"),
      target("StatefulSet", "stateful"),
      target("Deployment", "missing"),
    );
    await eventually(async () => {
      expect((await cluster.get("rs", "plain-set")).spec.replicas).toBe(2);
      expect((await cluster.get("sts", "stateful")).spec.replicas).toBe(2);
      expect(await kubectl("events", "--for=hpa/stateful")).toContain("New size: 2; reason: Current number of replicas below Spec.MinReplicas");
      expect(await kubectl("describe", "hpa", "missing")).toMatch(
        /AbleToScale\s+False\s+FailedGetScale\s+the HPA controller was unable to get the target's current scale: deployments.apps "missing" not found/,
      );
    });
    const external = { type: "External", external: { metric: { name: "queue" }, target: { type: "AverageValue", averageValue: "30" } } };
    await cluster.apply(target("ReplicaSet", "plain-set", { metrics: [external] }));
    await eventually(async () => expect(await kubectl("events", "--for=hpa/plain-set")).toContain("unable to get external metric default/queue/nil"));
    expect(await kubectl("get", "hpa", "plain-set", "--no-headers")).toMatch(/<unknown>\/30 \(avg\)/);
    await kubectl("delete", "hpa,rs,sts", "--all", "--wait=false");
  });

  test.each([
    ["a minimum above the maximum", { minReplicas: 5, maxReplicas: 2 }, "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"],
    ["no room at all", { maxReplicas: 0 }, "spec.maxReplicas: Invalid value: 0: must be greater than 0"],
    [
      "a metric without a target",
      { maxReplicas: 2, metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization" } } }] },
      "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization",
    ],
  ])("an autoscaler with %s is refused", async (_, spec, says) => {
    const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "busy" };
    const bad = { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", metadata: { name: "bad" }, spec: { scaleTargetRef, ...spec } };
    const { status, stderr } = await cluster.feed(JSON.stringify(bad), "apply", "-f", "-");
    expect([status, stderr]).toEqual([1, expect.stringContaining(says)]);
  });
});

describe("budgets, drains and taints", { timeout: 300_000 }, () => {
  const phase = async (name: string): Promise<string> => (await cluster.get("pod", name)).status.phase;
  const scheduling = async (name: string): Promise<string> =>
    (await cluster.get("pod", name)).status.conditions?.find(({ type }: any) => type === "PodScheduled")?.message ?? "";

  const bare = (name: string, more: object = {}): object => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: { containers: [{ name: "work", image: "local/tool:v1", command: ["sh", "-c", WORK] }], terminationGracePeriodSeconds: 1, ...more },
  });
  const budget = (name: string, spec: object): object => ({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name },
    spec: { selector: { matchLabels: { app: name } }, ...spec },
  });

  test("a budget counts the pods that it shelters", async () => {
    await cluster.apply(workload("shop", 2), budget("shop", { maxUnavailable: "50%" }));
    await ready("shop", 2);
    await eventually(async () => expect(await kubectl("get", "pdb", "shop", "--no-headers")).toMatch(/^shop\s+N\/A\s+50%\s+1\s/));
    expect((await cluster.get("pdb", "shop")).status).toMatchObject({
      currentHealthy: 2,
      desiredHealthy: 1,
      expectedPods: 2,
      disruptionsAllowed: 1,
      conditions: [{ type: "DisruptionAllowed", status: "True", reason: "SufficientPods" }],
    });
    await expect(kubectl("create", "pdb", "both", "--selector=app=x", "--min-available=1", "--max-unavailable=1")).rejects.toThrow(
      "min-available and max-unavailable cannot be both specified",
    );
    const { status, stderr } = await cluster.feed(JSON.stringify(budget("both", { minAvailable: 1, maxUnavailable: 1 })), "apply", "-f", "-");
    expect([status, stderr]).toEqual([1, expect.stringContaining("minAvailable and maxUnavailable cannot be both set")]);
  });

  test("an eviction beyond the budget is refused with its cause", async () => {
    const [first, second] = await cluster.pods("app=shop");
    await cluster.apply(budget("shop", { minAvailable: 2 }));
    await eventually(async () => expect((await cluster.get("pdb", "shop")).status).toMatchObject({ desiredHealthy: 2, disruptionsAllowed: 0 }));
    const eviction = JSON.stringify({ apiVersion: "policy/v1", kind: "Eviction", metadata: { name: first.metadata.name, namespace: "default" } });
    const { status, stderr } = await cluster.feed(eviction, "create", "--raw", `/api/v1/namespaces/default/pods/${first.metadata.name}/eviction`, "-f", "-");
    expect([status, stderr]).toEqual([1, expect.stringContaining("Cannot evict pod as it would violate the pod's disruption budget")]);
    expect((await cluster.pods("app=shop")).map(({ metadata }) => metadata.name)).toEqual([first.metadata.name, second.metadata.name]);
  });

  test("drain cordons, spares what budgets shelter, and wants to be told of what it would lose", async () => {
    await cluster.apply(bare("alone", { volumes: [{ name: "scratch", emptyDir: {} }] }));
    await eventually(async () => expect(await phase("alone")).toBe("Running"));
    await expect(kubectl("drain", "here")).rejects.toThrow(/Pods with local storage \(use --delete-emptydir-data to override\): default\/alone/);
    await expect(kubectl("drain", "here", "--delete-emptydir-data")).rejects.toThrow(
      /Pods that declare no controller \(use --force to override\): default\/alone/,
    );
    await expect(kubectl("drain", "here", "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=12s")).rejects.toThrow(
      /would violate the pod's disruption budget/,
    );
    expect(await kubectl("get", "node", "here", "--no-headers")).toMatch(/^here\s+Ready,SchedulingDisabled\s/);
    expect((await cluster.get("node", "here")).spec.taints).toMatchObject([{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }]);
    expect(await cluster.pods("app=shop")).toHaveLength(2);
    await eventually(async () => await expect(kubectl("get", "pod", "alone")).rejects.toThrow(/not found/));
  });

  test("without the budget the node is emptied; its pods wait, and start again after uncordon", async () => {
    await kubectl("delete", "pdb", "shop");
    expect(await kubectl("drain", "here", "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=120s")).toContain("node/here drained");
    await eventually(async () => {
      const pods = await cluster.pods("app=shop");
      expect(pods.map(({ status }) => status.phase)).toEqual(["Pending", "Pending"]);
      expect(await scheduling(pods[0].metadata.name)).toBe("0/1 nodes are available: 1 node(s) were unschedulable.");
    });
    await eventually(async () =>
      expect(await kubectl("events", "--types=Warning")).toMatch(
        /FailedScheduling\s+Pod\/shop-\S+\s+0\/1 nodes are available: 1 node\(s\) were unschedulable\./,
      ),
    );
    await kubectl("uncordon", "here");
    await ready("shop", 2);
    await kubectl("delete", "deployment", "shop", "busy");
  });

  test("a NoSchedule taint keeps away those that do not tolerate it; PreferNoSchedule only advises", async () => {
    await kubectl("taint", "node", "here", "dedicated=db:NoSchedule");
    await cluster.apply(bare("plain"), bare("tolerant", { tolerations: [{ key: "dedicated", operator: "Equal", value: "db", effect: "NoSchedule" }] }));
    await eventually(async () => expect(await phase("tolerant")).toBe("Running"));
    await eventually(async () => expect(await scheduling("plain")).toBe("0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: db}."));
    expect(await kubectl("describe", "node", "here")).toMatch(/Taints:\s+dedicated=db:NoSchedule/);
    await kubectl("taint", "node", "here", "dedicated-");
    await kubectl("taint", "node", "here", "quiet=yes:PreferNoSchedule");
    await eventually(async () => expect(await phase("plain")).toBe("Running"));
    await kubectl("taint", "node", "here", "quiet-");
  });

  test("a NoExecute taint sends pods away, each when its tolerance ends", async () => {
    const tolerating = (seconds?: number): object => ({
      tolerations: [{ key: "repair", operator: "Exists", effect: "NoExecute", ...(seconds !== undefined && { tolerationSeconds: seconds }) }],
    });
    await cluster.apply(bare("brief", tolerating(2)), bare("stoic", tolerating()));
    await eventually(async () => expect([await phase("brief"), await phase("stoic")]).toEqual(["Running", "Running"]));
    const began = Date.now();
    await kubectl("taint", "node", "here", "repair=now:NoExecute");
    await eventually(async () => await expect(kubectl("get", "pod", "plain")).rejects.toThrow(/not found/));
    await eventually(async () => await expect(kubectl("get", "pod", "brief")).rejects.toThrow(/not found/));
    expect(Date.now() - began).toBeGreaterThan(2000);
    expect(await phase("stoic")).toBe("Running");
    await eventually(async () => expect(await kubectl("events", "--for=pod/brief")).toContain("Marking for deletion Pod default/brief"));
    await kubectl("taint", "node", "here", "repair-");
    await kubectl("delete", "pod", "stoic", "--wait=false");
  });

  test("a node that falls silent is Unknown, and its pods leave when their tolerance ends", async () => {
    const ghost = {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "ghost" },
      spec: { taints: [{ key: "ghost", effect: "NoSchedule" }] },
      status: { conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "well" }] },
    };
    await cluster.feed(JSON.stringify(ghost), "create", "-f", "-");
    const impatient = [{ key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 0 }];
    await cluster.apply(bare("haunted", { nodeName: "ghost", tolerations: impatient }), bare("waiting", { nodeName: "ghost" }));
    expect(await kubectl("get", "node", "ghost", "--no-headers")).toMatch(/^ghost\s+Ready\s/);
    await eventually(async () => expect(await kubectl("get", "node", "ghost", "--no-headers")).toMatch(/^ghost\s+NotReady\s/), 120_000);
    await eventually(async () => {
      const { spec, status } = await cluster.get("node", "ghost");
      expect(status.conditions[0]).toMatchObject({
        type: "Ready",
        status: "Unknown",
        reason: "NodeStatusUnknown",
        message: "Kubelet stopped posting node status.",
      });
      const keys = spec.taints.map(({ key, effect }: any) => `${key}:${effect}`);
      expect(keys).toEqual(["ghost:NoSchedule", "node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"]);
    });
    await eventually(async () => expect((await cluster.get("pod", "haunted")).metadata.deletionTimestamp).toBeDefined());
    const patient = await cluster.get("pod", "waiting");
    expect(patient.metadata.deletionTimestamp).toBeUndefined();
    expect(patient.spec.tolerations).toMatchObject([
      { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
      { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
    ]);
    expect((await cluster.get("node", "here")).status.conditions.find(({ type }: any) => type === "Ready").status).toBe("True");
    await kubectl("delete", "node", "ghost");
    await kubectl("delete", "pod", "haunted", "waiting", "--force");
  });
});

describe("quotas and limit ranges", { timeout: 300_000 }, () => {
  const inSmall = (...args: readonly string[]): Promise<string> => kubectl("-n", "small", ...args);

  test("a namespace's defaults go into its pods, and its quota counts them", async () => {
    await kubectl("create", "namespace", "small");
    await cluster.apply({
      apiVersion: "v1",
      kind: "LimitRange",
      metadata: { name: "modest", namespace: "small" },
      spec: { limits: [{ type: "Container", default: { cpu: "200m" }, defaultRequest: { cpu: "50m" }, max: { cpu: "1" } }] },
    });
    await inSmall("create", "quota", "few", "--hard=pods=2,requests.cpu=1,count/configmaps=5");
    await inSmall("create", "deployment", "web", "--image=local/tool:v1", "--replicas=3", "--", "sleep", "600");
    await eventually(async () => {
      const { status } = await cluster.get("quota", "few", "-n", "small");
      expect(status).toEqual({
        hard: { pods: "2", "requests.cpu": "1", "count/configmaps": "5" },
        used: { pods: "2", "requests.cpu": "100m", "count/configmaps": "1" },
      });
    });
    const { items } = await cluster.get("pods", "-n", "small");
    expect(items.map(({ spec }: any) => spec.containers[0].resources)).toEqual(
      Array.from({ length: 2 }, () => ({ limits: { cpu: "200m" }, requests: { cpu: "50m" } })),
    );
    expect(await inSmall("get", "quota", "few", "--no-headers")).toMatch(/^few\s+\d+s\s+count\/configmaps: 1\/5, pods: 2\/2, requests.cpu: 100m\/1/);
  });

  test("what is beyond them is refused in the usual words, and tried again when there is room", async () => {
    await eventually(async () =>
      expect(await inSmall("events", "--types=Warning")).toMatch(
        /FailedCreate\s+ReplicaSet\/web-\S+\s+Error creating: pods "web-\S+" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2/,
      ),
    );
    await eventually(async () =>
      expect((await cluster.get("deployment", "web", "-n", "small")).status.conditions).toContainEqual(
        expect.objectContaining({ type: "ReplicaFailure", status: "True", reason: "FailedCreate" }),
      ),
    );
    const { items: events } = await cluster.get("events", "-n", "small", "--field-selector=reason=FailedCreate");
    expect(events.length).toBeLessThan(40); // each try waits twice as long as the one before
    const greedy = [
      "run",
      "greedy",
      "--image=local/tool:v1",
      '--overrides={"spec":{"containers":[{"name":"greedy","image":"local/tool:v1","resources":{"requests":{"cpu":"2"},"limits":{"cpu":"2"}}}]}}',
    ];
    await expect(inSmall(...greedy)).rejects.toThrow(/pods "greedy" is forbidden: \[?maximum cpu usage per Container is 1, but limit is 2/);
    await inSmall("patch", "quota", "few", "--type=merge", "-p", '{"spec":{"hard":{"pods":"3"}}}');
    await eventually(async () => expect((await cluster.get("pods", "-n", "small")).items).toHaveLength(3), 120_000);
    await kubectl("delete", "namespace", "small", "--wait=false");
  });
});
