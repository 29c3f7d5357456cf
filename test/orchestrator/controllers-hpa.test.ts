import { describe, expect, test } from "vitest";
import type { KubeObject, Measured, Usage } from "../../orchestrator/cluster.ts";
import { noHistory } from "../../orchestrator/controllers/horizontal-pod-autoscaler/history.ts";
import { planAutoscaler, type AutoscalerView } from "../../orchestrator/controllers/horizontal-pod-autoscaler/plan.ts";
import { extend, rateOf } from "../../orchestrator/kubelet/usage/usage-window.ts";
import { nodeMeter } from "../../orchestrator/kubelet/usage/node-usage.ts";
import { metricTargets } from "../../orchestrator/api/table/metric-cell.ts";
import { at, meta, NOW, pod, type PodOptions } from "./objects.ts";
import { behavior } from "./autoscaler-behavior.ts";

interface Worker extends PodOptions {
  /** Thousandths of a core; undefined: not measured. */
  readonly cpu?: number;
  /** Mebibytes. */
  readonly memory?: number;
  /** Thousandths; 0: none requested. */
  readonly request?: number;
  /** Seconds since its start. */
  readonly started?: number;
}

const CPU_50 = { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } };

function worker(
  name: string,
  { cpu, memory = 10, request = 1000, started = 3600, ...more }: Worker,
): { readonly pod: KubeObject; readonly usage: Usage | undefined } {
  const made = pod(name, more);
  const resources = { requests: { ...(request > 0 && { cpu: `${request}m` }), memory: "100Mi" } };
  const containers = [{ name: "main", image: "web:v1", resources }];
  return {
    pod: { ...made, spec: { ...made.spec, containers }, status: { ...made.status, startTime: at(-started) } },
    usage: cpu === undefined ? undefined : { cpu: cpu * 1_000_000, memory: memory * 2 ** 20 },
  };
}

function view(
  workers: readonly Worker[],
  { replicas = workers.length, spec = {}, ...more }: { readonly replicas?: number; readonly spec?: object } & Partial<AutoscalerView> = {},
): AutoscalerView {
  const made = workers.map((each, index) => worker(`p${index}`, each));
  const usage = new Map(made.map(({ pod: { metadata }, usage: used }) => [metadata.uid, used]));
  return {
    autoscaler: {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: meta("web"),
      spec: { minReplicas: 1, maxReplicas: 10, metrics: [CPU_50], ...spec },
    },
    target: { replicas, selector: "app=web" },
    pods: made.map((each) => each.pod),
    usageOf: ({ metadata }): Measured<ReadonlyMap<string, Usage>> | undefined => {
      const used = usage.get(metadata.uid);
      return used === undefined ? undefined : { at: NOW - 1000, window: 10_000, usage: new Map([["main", used]]) };
    },
    rivals: [],
    history: noHistory,
    now: NOW,
    ...more,
  };
}

const times = (count: number, each: Worker): Worker[] => Array.from({ length: count }, () => each);
const utilization = (percent: number): object => ({
  metrics: [{ ...CPU_50, resource: { name: "cpu", target: { type: "Utilization", averageUtilization: percent } } }],
});

interface Case {
  readonly name: string;
  readonly workers: readonly Worker[];
  readonly spec?: object;
  readonly replicas?: number;
  readonly want: number;
}

/** Starting, as its program warms up: ready since less than a measurement. */
const warming: Worker = { started: 30, readyFor: 5 };

const sizes: readonly Case[] = [
  { name: "grows by the ratio of use to target", workers: times(3, { cpu: 800 }), want: 5 },
  { name: "rounds up", workers: times(2, { cpu: 560 }), want: 3 },
  { name: "stays within a tenth above the target", workers: times(4, { cpu: 540 }), want: 4 },
  { name: "stays within a tenth below the target", workers: times(4, { cpu: 460 }), want: 4 },
  { name: "shrinks by the ratio", workers: times(5, { cpu: 100 }), want: 1 },
  { name: "keeps a tolerance of its own", workers: times(4, { cpu: 600 }), spec: { behavior: behavior({ scaleUp: { tolerance: "0.3" } }) }, want: 4 },
  {
    name: "weighs by what all request together",
    workers: [
      { cpu: 900, request: 1000 },
      { cpu: 100, request: 3000 },
    ],
    spec: utilization(25),
    want: 2,
  },
  { name: "takes the average of a value", workers: times(2, { cpu: 150 }), spec: { metrics: [averageValue("cpu", "100m")] }, want: 3 },
  { name: "takes memory too", workers: times(2, { cpu: 1, memory: 90 }), spec: { metrics: [averageValue("memory", "60Mi")] }, want: 3 },
  { name: "measures one container when asked to", workers: times(2, { cpu: 1000 }), spec: { metrics: [inContainer("main", 50)] }, want: 4 },
  {
    name: "follows the metric that asks for most",
    workers: times(2, { cpu: 500, memory: 90 }),
    spec: { metrics: [CPU_50, averageValue("memory", "60Mi")] },
    want: 3,
  },
  { name: "counts pods that warm up as idle when it grows", workers: [...times(2, { cpu: 1000 }), { cpu: 1000, ...warming }], want: 4 },
  { name: "leaves pods that warm up out when it shrinks", workers: [...times(3, { cpu: 100 }), { cpu: 1000, ...warming }], want: 1 },
  { name: "grows not at all when idle new pods outweigh the load", workers: [{ cpu: 800 }, ...times(2, { cpu: 0, phase: "Pending", ready: false })], want: 3 },
  {
    name: "counts memory of pods that are not ready yet",
    workers: [
      { cpu: 1, memory: 60 },
      { cpu: 1, memory: 60, ready: false, ...warming },
    ],
    spec: { metrics: [averageValue("memory", "30Mi")] },
    want: 4,
  },
  { name: "takes a pod that was never ready for unready", workers: [{ cpu: 1000 }, { cpu: 1000, ready: false, started: 600, readyFor: 590 }], want: 2 },
  { name: "counts a pod that was ready once", workers: [{ cpu: 1000 }, { cpu: 1000, ready: false, started: 600, readyFor: 10 }], want: 4 },
  { name: "takes pods without a measurement for idle when it grows", workers: [...times(2, { cpu: 1000 }), {}], want: 4 },
  { name: "takes pods without a measurement for busy when it shrinks", workers: [...times(3, { cpu: 100 }), {}], want: 3 },
  { name: "never turns round because of pods it cannot see", workers: [{ cpu: 400 }, ...times(3, {})], want: 4 },
  {
    name: "ignores pods that failed or are being deleted",
    workers: [...times(2, { cpu: 500 }), { phase: "Failed" }, { deleting: true }],
    replicas: 2,
    want: 2,
  },
  { name: "comes down to its maximum at once", workers: times(12, { cpu: 500 }), want: 10 },
  { name: "comes up to its minimum at once", workers: times(2, { cpu: 500 }), spec: { minReplicas: 3 }, want: 3 },
  { name: "leaves a target of no replicas alone", workers: [], replicas: 0, want: 0 },
  { name: "at most doubles", workers: times(3, { cpu: 4000 }), spec: { maxReplicas: 100 }, want: 6 },
  { name: "may reach four at once", workers: times(1, { cpu: 9000 }), spec: { maxReplicas: 100 }, want: 4 },
];
test.each(sizes)("an autoscaler $name", ({ workers, spec = {}, replicas = workers.length, want }) => {
  expect(planAutoscaler(view(workers, { spec, replicas })).replicas).toBe(want);
});

function averageValue(name: string, value: string): object {
  return { type: "Resource", resource: { name, target: { type: "AverageValue", averageValue: value } } };
}

function inContainer(container: string, percent: number): object {
  return { type: "ContainerResource", containerResource: { name: "cpu", container, target: { type: "Utilization", averageUtilization: percent } } };
}

describe("an autoscaler tells", () => {
  const reasons = (plan: ReturnType<typeof planAutoscaler>): readonly string[] =>
    plan.conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);

  test("what it found and why it grows", () => {
    const plan = planAutoscaler(view(times(2, { cpu: 1000 })));
    expect(plan.reason).toBe("cpu resource utilization (percentage of request) above target");
    expect(reasons(plan)).toEqual([
      "AbleToScale True SucceededGetScale",
      "ScalingActive True ValidMetricFound",
      "AbleToScale True ReadyForNewScale",
      "ScalingLimited False DesiredWithinRange",
    ]);
    expect(plan.metrics).toEqual([{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 100, averageValue: "1" } } }]);
  });

  test("that all is below target when it shrinks", () => {
    expect(planAutoscaler(view(times(4, { cpu: 100 }))).reason).toBe("All metrics below target");
  });

  test("that it is disabled for a target of no replicas", () => {
    const plan = planAutoscaler(view([], { replicas: 0 }));
    expect(reasons(plan)).toContain("ScalingActive False ScalingDisabled");
  });

  const failures = [
    {
      name: "of a container that requests nothing",
      workers: times(1, { cpu: 100, request: 0 }),
      want: "failed to get cpu utilization: missing request for cpu in container main of Pod p0",
      reason: "FailedGetResourceMetric",
    },
    {
      name: "when nothing is measured",
      workers: times(2, {}),
      want: "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API",
      reason: "FailedGetResourceMetric",
    },
    {
      name: "when no pod is ready",
      workers: times(2, { cpu: 100, ready: false, ...warming }),
      want: "failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)",
      reason: "FailedGetResourceMetric",
    },
    {
      name: "of a container that is not there",
      workers: times(1, { cpu: 1 }),
      spec: { metrics: [inContainer("other", 50)] },
      want: "failed to get cpu utilization: unable to get metrics for resource cpu: container other not present in metrics for pod default/p0",
      reason: "FailedGetContainerResourceMetric",
    },
    {
      name: "of metrics that need an adapter",
      workers: times(1, { cpu: 1 }),
      spec: { metrics: [{ type: "Pods", pods: { metric: { name: "hits" }, target: { type: "AverageValue", averageValue: "5" } } }] },
      want: "unable to get metric hits: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered",
      reason: "FailedGetPodsMetric",
    },
    {
      name: "of external metrics",
      workers: times(1, { cpu: 1 }),
      spec: { metrics: [{ type: "External", external: { metric: { name: "queue" }, target: { type: "Value", value: "5" } } }] },
      want: "unable to get external metric default/queue/nil: unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered",
      reason: "FailedGetExternalMetric",
    },
  ];
  test.each(failures)("the failure $name, and leaves the size", ({ workers, spec = {}, want, reason }) => {
    const plan = planAutoscaler(view(workers, { spec }));
    expect(plan.replicas).toBe(workers.length);
    expect(plan.conditions.at(-1)).toEqual({
      type: "ScalingActive",
      status: "False",
      reason,
      message: `the HPA was unable to compute the replica count: ${want}`,
    });
    expect(plan.notices[0]).toEqual({ type: "Warning", reason, message: want });
    expect(plan.notices.at(-1)?.message).toMatch(/^invalid metrics \(1 invalid out of 1\), first error is: failed to get /);
  });

  const broken = { type: "Pods", pods: { metric: { name: "hits" }, target: { type: "AverageValue", averageValue: "5" } } };
  test("a failed metric, which holds back a shrink but not a growth", () => {
    const shrink = planAutoscaler(view(times(4, { cpu: 100 }), { spec: { metrics: [CPU_50, broken] } }));
    expect(shrink).toMatchObject({ replicas: 4, failed: true });
    expect(shrink.metrics).toMatchObject([{ type: "Resource" }, { type: "" }]);
    const grow = planAutoscaler(view(times(4, { cpu: 1000 }), { spec: { metrics: [CPU_50, broken] } }));
    expect(grow).toMatchObject({ replicas: 8, failed: false });
  });

  test("that it shares its pods with another", () => {
    const plan = planAutoscaler(view(times(2, { cpu: 1000 }), { rivals: ["default/other"] }));
    expect(plan).toMatchObject({ replicas: 2, failed: true });
    expect(plan.notices[0]).toEqual({
      type: "Warning",
      reason: "AmbiguousSelector",
      message: "pods by selector app=web are controlled by multiple HPAs: [default/other default/web]",
    });
  });

  test("a rise that lasted only a moment does not shrink what was recommended before it", () => {
    const first = planAutoscaler(view(times(4, { cpu: 500 }), { history: undefined }));
    expect(planAutoscaler(view(times(4, { cpu: 10 }), { history: first.history, now: NOW + 60_000 })).replicas).toBe(4);
    expect(planAutoscaler(view(times(4, { cpu: 10 }), { history: first.history, now: NOW + 301_000 })).replicas).toBe(1);
  });
});

const targetCells = [
  { name: "utilization", metrics: [CPU_50], current: [{ resource: { current: { averageUtilization: 45 } } }], want: "cpu: 45%/50%" },
  { name: "utilization not known yet", metrics: [CPU_50], current: undefined, want: "cpu: <unknown>/50%" },
  {
    name: "a value",
    metrics: [averageValue("memory", "60Mi")],
    current: [{ resource: { current: { averageValue: "31457280" } } }],
    want: "memory: 31457280/60Mi",
  },
  { name: "more than two", metrics: [CPU_50, CPU_50, CPU_50], current: undefined, want: "cpu: <unknown>/50%, cpu: <unknown>/50% + 1 more..." },
  { name: "a container", metrics: [inContainer("main", 70)], current: [{ containerResource: { current: { averageUtilization: 7 } } }], want: "cpu: 7%/70%" },
];
test.each(targetCells)("get hpa shows $name", ({ metrics, current, want }) => {
  const object = {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: meta("web"),
    spec: { metrics },
    status: { currentMetrics: current },
  };
  expect(metricTargets(object)).toBe(want);
});

describe("a node agent measures", () => {
  test("the rate between two readings, and begins anew when a counter goes back", () => {
    const first = extend(undefined, { at: 1000, cpuTotal: 5e9, memory: 10 });
    expect(rateOf(first)).toBeUndefined();
    const second = extend(first, { at: 3000, cpuTotal: 6e9, memory: 20 });
    expect(rateOf(second)).toEqual({ at: 3000, window: 2000, usage: { cpu: 500_000_000, memory: 20 } });
    expect(rateOf(extend(second, { at: 4000, cpuTotal: 0, memory: 0 }))).toBeUndefined();
  });

  test("the node by the kernel's own counters", () => {
    const stat = "cpu  100 20 30 9000 50 1 2 3 0 0\ncpu0 100 20 30 9000 50 1 2 3 0 0\n";
    const meminfo = "MemTotal:        8000 kB\nMemFree:         2000 kB\nInactive:        900 kB\nInactive(file):   500 kB\n";
    expect(nodeMeter(stat, meminfo)).toEqual({ cpuTotal: 1_560_000_000, memory: 5500 * 1024 });
  });
});
