/** One metric of an autoscaler's spec: what it says now, and how many replicas that asks for. Decides, and does nothing. Spec: autoscaling/v2 MetricSpec. */
import type { KubeObject, Measured, Usage } from "../../cluster.ts";
import { formatQuantity, milliOf } from "../../schema/quantity.ts";
import type { Reading } from "./pod-groups.ts";
import { propose, type Answer, type Goal, type Problem } from "./propose.ts";

export interface MetricView {
  readonly namespace: string;
  readonly replicas: number;
  readonly pods: readonly KubeObject[];
  readonly usageOf: (pod: KubeObject) => Measured<ReadonlyMap<string, Usage>> | undefined;
  readonly tolerance: { readonly up: number; readonly down: number };
  readonly now: number;
}

export interface MetricVerdict {
  readonly replicas: number;
  /** As events name it. */
  readonly name: string;
  readonly status: object;
}

export interface MetricFailure {
  readonly reason: string;
  /** What was tried last, for events and the condition. */
  readonly found: string;
  /** The same in the words of the whole. */
  readonly problem: string;
}

interface Target {
  readonly averageValue?: string;
  readonly averageUtilization?: number;
}

interface ResourceSource {
  readonly name: string;
  readonly target: Target;
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}

interface CustomSource {
  readonly metric: { readonly name: string; readonly selector?: Selector };
}

/** One of the sources, by `type`. */
export interface Metric {
  readonly type: string;
  readonly resource?: ResourceSource;
  readonly containerResource?: ResourceSource & { readonly container: string };
  readonly pods?: CustomSource;
  readonly object?: CustomSource & { readonly describedObject: { readonly kind: string; readonly name: string } };
  readonly external?: CustomSource;
}

export function judge(metric: Metric, view: MetricView): MetricVerdict | MetricFailure {
  const { type, resource, containerResource } = metric;
  if (type === "Resource" && resource !== undefined) return judgeResource(resource, undefined, view);
  if (type === "ContainerResource" && containerResource !== undefined) return judgeResource(containerResource, containerResource.container, view);
  return withoutAdapter(metric, view.namespace);
}

function judgeResource(source: ResourceSource, container: string | undefined, view: MetricView): MetricVerdict | MetricFailure {
  const { name, target } = source;
  const kind = container === undefined ? "Resource" : "ContainerResource";
  const fail = (problem: string): MetricFailure => ({
    reason: `FailedGet${kind}Metric`,
    found: problem,
    problem: `failed to get ${name} ${container === undefined ? "resource" : "container"} metric value: ${problem}`,
  });
  const goal = goalOf(target);
  if ("problem" in goal) return fail(goal.problem);
  const answer = ask(source, container, goal, view);
  if ("problem" in answer) return fail(`failed to get ${name} ${goal.kind === "average" ? "usage" : "utilization"}: ${answer.problem}`);
  const title = `${name} ${container === undefined ? "" : "container "}resource${goal.kind === "average" ? "" : " utilization (percentage of request)"}`;
  const current = { ...(answer.utilization !== undefined && { averageUtilization: answer.utilization }), averageValue: amountText(answer.average) };
  const status = container === undefined ? { type: kind, resource: { name, current } } : { type: kind, containerResource: { container, name, current } };
  return { replicas: answer.replicas, name: title, status };
}

function goalOf({ averageValue, averageUtilization }: Target): Goal | Problem {
  if (averageValue !== undefined) return { kind: "average", amount: milliOf(averageValue) };
  if (averageUtilization !== undefined) return { kind: "utilization", percent: averageUtilization };
  return { problem: "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set" };
}

function ask({ name }: ResourceSource, container: string | undefined, goal: Goal, view: MetricView): Answer | Problem {
  const readings = readingsOf(name, container, view);
  if ("problem" in readings) return { problem: `unable to get metrics for resource ${name}: ${readings.problem}` };
  const requests = goal.kind === "average" ? new Map<string, number>() : requestsOf(name, container, view.pods);
  if ("problem" in requests) return requests;
  const { replicas, pods, tolerance, now } = view;
  return propose({ resource: name, goal, replicas, pods, readings, requests, tolerance, now });
}

function readingsOf(resource: string, container: string | undefined, { pods, usageOf, namespace }: MetricView): Map<string, Reading> | Problem {
  const readings = new Map<string, Reading>();
  for (const pod of pods) {
    const found = usageOf(pod);
    if (found === undefined) continue;
    const { name } = pod.metadata;
    if (container !== undefined && !found.usage.has(container))
      return { problem: `container ${container} not present in metrics for pod ${namespace}/${name}` };
    const used = container === undefined ? [...found.usage.values()] : [found.usage.get(container)];
    const amount = used.reduce((sum, usage) => sum + amountOf(resource, usage), 0);
    readings.set(name, { amount, at: found.at, window: found.window });
  }
  return readings.size === 0 ? { problem: "no metrics returned from resource metrics API" } : readings;
}

function amountOf(resource: string, usage: Usage | undefined): number {
  if (usage === undefined) return 0;
  return resource === "cpu" ? Math.ceil(usage.cpu / 1_000_000) : resource === "memory" ? usage.memory * 1000 : 0;
}

interface Requesting {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
}

/** A container that requests nothing has no percentage of it. */
function requestsOf(resource: string, container: string | undefined, pods: readonly KubeObject[]): Map<string, number> | Problem {
  const requests = new Map<string, number>();
  for (const { metadata, spec } of pods) {
    const { initContainers = [], containers } = spec as { readonly initContainers?: readonly Requesting[]; readonly containers: readonly Requesting[] };
    const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
    let total = 0;
    for (const one of [...containers, ...sidecars]) {
      if (container !== undefined && one.name !== container) continue;
      const request = one.resources?.requests?.[resource];
      if (request === undefined) return { problem: `missing request for ${resource} in container ${one.name} of Pod ${metadata.name}` };
      total += milliOf(request);
    }
    requests.set(metadata.name, total);
  }
  return requests;
}

/** Metrics that programs give themselves need an adapter's API, which is not there. */
function withoutAdapter({ type, pods, object, external }: Metric, namespace: string): MetricFailure {
  const custom = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered";
  const found: Readonly<Record<string, string>> = {
    Pods: `unable to get metric ${pods?.metric.name}: ${custom}`,
    Object: `unable to get metric ${object?.metric.name}: ${object?.describedObject.kind} on ${namespace} ${object?.describedObject.name}/${custom}`,
    External: `unable to get external metric ${namespace}/${external?.metric.name}/${selectorText(external?.metric.selector)}: unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered`,
  };
  const problem = found[type] ?? `unknown metric source type ${JSON.stringify(type)}`;
  return { reason: `FailedGet${type}Metric`, found: problem, problem: `failed to get ${type.toLowerCase()} metric value: ${problem}` };
}

function selectorText(selector: Selector | undefined): string {
  if (selector === undefined) return "nil";
  const labels = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}: ${value}`);
  return `&LabelSelector{MatchLabels:map[string]string{${labels.map((label) => `${label},`).join("")}},MatchExpressions:[]LabelSelectorRequirement{},}`;
}

function amountText(milli: number): string {
  return formatQuantity({ nano: BigInt(milli) * 1_000_000n, format: "decimal" });
}
