/** What one look at an autoscaler asks for. Decides, and does nothing. Spec: Kubernetes documentation, "Horizontal Pod Autoscaling". */
import type { KubeObject, Measured, Usage } from "../../cluster.ts";
import { parseQuantity } from "../../schema/quantity.ts";
import type { Condition } from "../conditions.ts";
import type { Notice } from "../events.ts";
import { allow } from "./behavior.ts";
import { noHistory, remember, rememberChange, type History } from "./history.ts";
import { judge, type MetricFailure, type MetricVerdict, type Metric } from "./metric.ts";

export interface Target {
  readonly replicas: number;
  /** As text; empty when the target has none. */
  readonly selector: string;
}

export interface AutoscalerView {
  readonly autoscaler: KubeObject;
  readonly target: Target;
  readonly pods: readonly KubeObject[];
  readonly usageOf: (pod: KubeObject) => Measured<ReadonlyMap<string, Usage>> | undefined;
  /** Others that scale the same pods, as namespace/name. */
  readonly rivals: readonly string[];
  readonly history: History | undefined;
  readonly now: number;
}

export interface AutoscalerPlan {
  /** What the target should have; the same as it has when nothing is to be done. */
  readonly replicas: number;
  readonly reason: string;
  /** In the order in which they are set. */
  readonly conditions: readonly Condition[];
  readonly notices: readonly Notice[];
  /** Undefined where usage was not looked at. */
  readonly metrics: readonly object[] | undefined;
  readonly history: History;
  /** Nothing could be decided: the desired number of the last time stands. */
  readonly failed: boolean;
}

const DEFAULT_TOLERANCE = 0.1;

const ableToScale: Condition = {
  type: "AbleToScale",
  status: "True",
  reason: "SucceededGetScale",
  message: "the HPA controller was able to get the target's current scale",
};

export function planAutoscaler(view: AutoscalerView): AutoscalerPlan {
  const { autoscaler, target, now } = view;
  const { minReplicas = 1, maxReplicas } = autoscaler.spec;
  const current = target.replicas;
  const history = view.history ?? remember(noHistory, { at: now, replicas: current });
  const base = { replicas: current, reason: "", conditions: [ableToScale], notices: [], metrics: undefined, history, failed: false };
  if (current === 0 && minReplicas !== 0) {
    const message = "scaling is disabled since the replica count of the target is zero";
    return { ...base, conditions: [ableToScale, { type: "ScalingActive", status: "False", reason: "ScalingDisabled", message }] };
  }
  if (current > maxReplicas) return { ...base, replicas: maxReplicas, reason: "Current number of replicas above Spec.MaxReplicas" };
  if (current < minReplicas) return { ...base, replicas: minReplicas, reason: "Current number of replicas below Spec.MinReplicas" };
  return planByMetrics(view, base);
}

/** After the target was resized. */
export function resized(history: History, { autoscaler, target, now }: AutoscalerView, replicas: number): History {
  return autoscaler.spec.behavior === undefined ? history : rememberChange(history, { at: now, change: replicas - target.replicas });
}

function planByMetrics(view: AutoscalerView, base: AutoscalerPlan): AutoscalerPlan {
  const { autoscaler, target, now } = view;
  const { minReplicas = 1, maxReplicas, behavior } = autoscaler.spec;
  const refusal = refuseSelector(view);
  if (refusal !== undefined) return refused(base, refusal);
  const measured = measureAll(view);
  const { best, failures, first } = measured;
  const { metrics, notices } = measured;
  const problem = first && `invalid metrics (${failures.length} invalid out of ${metrics.length}), first error is: ${first.problem}`;
  // Where a metric is not known, the others may ask for more but not for less.
  if (best === undefined || (first !== undefined && best.replicas < target.replicas)) {
    const { reason = "", found = "" } = first ?? {};
    const active: Condition = { type: "ScalingActive", status: "False", reason, message: `the HPA was unable to compute the replica count: ${found}` };
    const failed: Notice = { type: "Warning", reason: "FailedComputeMetricsReplicas", message: problem ?? "" };
    return { ...base, conditions: [...base.conditions, active], notices: [...notices, failed], metrics, failed: true };
  }
  const message = `the HPA was able to successfully calculate a replica count from ${best.name}`;
  const active: Condition = { type: "ScalingActive", status: "True", reason: "ValidMetricFound", message };
  const wish = { current: target.replicas, desired: best.replicas, min: minReplicas, max: maxReplicas, behavior, history: base.history, now };
  const allowed = allow(wish);
  return {
    ...base,
    replicas: allowed.replicas,
    reason: reasonOf(best, target.replicas),
    conditions: [...base.conditions, active, ...allowed.conditions],
    notices,
    metrics,
    history: remember(base.history, { at: now, replicas: best.replicas }),
  };
}

/** Empty where usage asks for no change and an earlier recommendation does. */
function reasonOf({ name, replicas }: MetricVerdict, current: number): string {
  return replicas > current ? `${name} above target` : replicas < current ? "All metrics below target" : "";
}

interface MeasuredAll {
  /** The one that asks for most. */
  readonly best: MetricVerdict | undefined;
  readonly failures: readonly MetricFailure[];
  readonly first: MetricFailure | undefined;
  readonly metrics: readonly object[];
  readonly notices: readonly Notice[];
}

function measureAll({ autoscaler, target, pods, usageOf, now }: AutoscalerView): MeasuredAll {
  const { metrics = [], behavior } = autoscaler.spec;
  const tolerance = { up: toleranceOf(behavior?.scaleUp), down: toleranceOf(behavior?.scaleDown) };
  const seen = { namespace: autoscaler.metadata.namespace ?? "", replicas: target.replicas, pods, usageOf, tolerance, now };
  const outcomes: readonly (MetricVerdict | MetricFailure)[] = metrics.map((metric: Metric) => judge(metric, seen));
  const verdicts = outcomes.filter((outcome) => "replicas" in outcome);
  const failures = outcomes.filter((outcome) => "problem" in outcome);
  return {
    best: verdicts.reduce<MetricVerdict | undefined>((best, next) => (best === undefined || next.replicas > best.replicas ? next : best), undefined),
    failures,
    first: failures[0],
    metrics: outcomes.map((outcome) => ("status" in outcome ? outcome.status : { type: "" })),
    notices: failures.map(({ reason, found }): Notice => ({ type: "Warning", reason, message: found })),
  };
}

function toleranceOf(rules: { readonly tolerance?: string } | undefined): number {
  const given = rules?.tolerance === undefined ? undefined : parseQuantity(rules.tolerance);
  return given === undefined ? DEFAULT_TOLERANCE : Number(given.nano) / 1e9;
}

function refuseSelector({ target, rivals, autoscaler }: AutoscalerView): Omit<Notice, "type"> | undefined {
  if (target.selector === "") return { reason: "InvalidSelector", message: "the HPA target's scale is missing a selector" };
  if (rivals.length === 0) return undefined;
  const all = [`${autoscaler.metadata.namespace}/${autoscaler.metadata.name}`, ...rivals].toSorted();
  return { reason: "AmbiguousSelector", message: `pods by selector ${target.selector} are controlled by multiple HPAs: [${all.join(" ")}]` };
}

function refused(base: AutoscalerPlan, { reason, message }: Omit<Notice, "type">): AutoscalerPlan {
  return {
    ...base,
    conditions: [...base.conditions, { type: "ScalingActive", status: "False", reason, message }],
    notices: [
      { type: "Warning", reason: reason === "InvalidSelector" ? "SelectorRequired" : reason, message },
      { type: "Warning", reason: "FailedComputeMetricsReplicas", message },
    ],
    metrics: [],
    failed: true,
  };
}
