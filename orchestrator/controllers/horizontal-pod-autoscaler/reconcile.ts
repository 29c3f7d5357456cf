/** Gives each autoscaler's target the size that its use asks for. The shell around `planAutoscaler`. */
import { nameOf } from "../../schema/resource.ts";
import { resourceOfKind } from "../../schema/resources.ts";
import { equal } from "../../schema/equal.ts";
import { meets, parseSelector } from "../../schema/selector.ts";
import type { KubeObject, ObjectKey, ResourceName, UsageSource } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { fromScale, toScale } from "../../objects/scale.ts";
import { formatTime } from "../clock.ts";
import { setCondition, type Condition } from "../conditions.ts";
import { formatKey, keyOf, type Controller } from "../controller.ts";
import type { Outcome } from "../loop.ts";
import type { Collaborators } from "../collaborators.ts";
import type { History } from "./history.ts";
import { planAutoscaler, resized, type AutoscalerPlan, type AutoscalerView, type Target } from "./plan.ts";

const AUTOSCALERS = "horizontalpodautoscalers.autoscaling";

export interface AutoscalerOptions {
  readonly usage: UsageSource;
  /** Milliseconds between two looks. */
  readonly every: number;
}

interface Room extends Collaborators, AutoscalerOptions {
  readonly histories: Map<string, History>;
}

export function autoscalerController(collaborators: Collaborators, options: AutoscalerOptions): Controller {
  const room = { ...collaborators, ...options, histories: new Map<string, History>() };
  return {
    name: "horizontal-pod-autoscaler",
    workers: 2,
    watches: {
      // Its own status is no reason to look again.
      [AUTOSCALERS]: ({ type, object, previous }) => (type === "MODIFIED" && equal(object.spec, previous?.spec) ? [] : [keyOf(object)]),
    },
    reconcile: async (key) => await reconcile(key, room),
  };
}

async function reconcile(key: ObjectKey, room: Room): Promise<Outcome | void> {
  const { cluster, recorder, histories, every } = room;
  const autoscaler = cluster.get(AUTOSCALERS, key);
  if (autoscaler === undefined) return void histories.delete(formatKey(key));
  const found = targetOf(autoscaler, room);
  if ("problem" in found) {
    recorder.record(autoscaler, "Warning", "FailedGetScale", found.problem);
    const message = `the HPA controller was unable to get the target's current scale: ${found.problem}`;
    await writeConditions(autoscaler, [{ type: "AbleToScale", status: "False", reason: "FailedGetScale", message }], room);
    return { requeueAfter: every };
  }
  const view = viewOf(autoscaler, found, room);
  const plan = planAutoscaler(view);
  histories.set(formatKey(key), plan.history);
  for (const { type, reason, message } of plan.notices) recorder.record(autoscaler, type, reason, message);
  const resize = plan.replicas === found.replicas ? undefined : await rescale(view, plan, found, room);
  await writeStatus(view, plan, resize, room);
  return { requeueAfter: every };
}

interface ScaleTarget extends Target {
  readonly resource: ResourceName;
  readonly key: ObjectKey;
}

function targetOf({ metadata, spec }: KubeObject, { cluster }: Room): ScaleTarget | { readonly problem: string } {
  const { apiVersion = "v1", kind, name } = spec.scaleTargetRef;
  const row = resourceOfKind(apiVersion, kind);
  if (row === undefined) return { problem: `no matches for kind "${kind}" in version "${apiVersion}"` };
  if (!row.scales) return { problem: "the server could not find the requested resource" };
  const key = { namespace: metadata.namespace, name };
  const object = cluster.get(nameOf(row), key);
  if (object === undefined) return { problem: `${nameOf(row)} "${name}" not found` };
  const { spec: wanted, status } = toScale(row, object);
  return { resource: nameOf(row), key, replicas: wanted.replicas, selector: status.selector };
}

function viewOf(autoscaler: KubeObject, target: ScaleTarget, room: Room): AutoscalerView {
  const { cluster, usage, clock, histories } = room;
  const { namespace } = autoscaler.metadata;
  const pods = selected(cluster.list("pods", namespace), target.selector);
  const rivals = cluster.list(AUTOSCALERS, namespace).filter((other) => {
    if (other.metadata.uid === autoscaler.metadata.uid) return false;
    const theirs = targetOf(other, room);
    return !("problem" in theirs) && selected(pods, theirs.selector).length > 0;
  });
  const usageOf: AutoscalerView["usageOf"] = (pod) => (pod.status?.phase === "Running" ? usage.pod(pod.metadata.uid) : undefined);
  const history = histories.get(formatKey(keyOf(autoscaler)));
  return { autoscaler, target, pods, usageOf, rivals: rivals.map((other) => formatKey(keyOf(other))), history, now: clock.now() };
}

function selected(pods: readonly KubeObject[], selector: string): readonly KubeObject[] {
  const requirements = parseSelector(selector) ?? [];
  return requirements.length === 0 ? [] : pods.filter((pod) => requirements.every((requirement) => meets(pod.metadata.labels, requirement)));
}

/** The condition that says how it went. */
async function rescale(view: AutoscalerView, plan: AutoscalerPlan, target: ScaleTarget, room: Room): Promise<Condition> {
  const { cluster, recorder, histories } = room;
  const { replicas, reason } = plan;
  try {
    const written = await cluster.modify(target.resource, target.key, (current) => fromScale(current, { spec: { replicas } }));
    if (written === undefined) throw new Error(`${target.resource} "${target.key.name}" not found`);
  } catch (error) {
    const found = messageOf(error);
    recorder.record(view.autoscaler, "Warning", "FailedRescale", `New size: ${replicas}; reason: ${reason}; error: ${found}`);
    const message = `the HPA controller was unable to update the target scale: ${found}`;
    return { type: "AbleToScale", status: "False", reason: "FailedUpdateScale", message };
  }
  recorder.record(view.autoscaler, "Normal", "SuccessfulRescale", `New size: ${replicas}; reason: ${reason}`);
  histories.set(formatKey(keyOf(view.autoscaler)), resized(plan.history, view, replicas));
  const message = `the HPA controller was able to update the target scale to ${replicas}`;
  return { type: "AbleToScale", status: "True", reason: "SucceededRescale", message };
}

async function writeStatus({ autoscaler, target, now }: AutoscalerView, plan: AutoscalerPlan, resize: Condition | undefined, room: Room): Promise<void> {
  const done = resize?.status === "True";
  const desired = plan.failed || (resize !== undefined && !done) ? undefined : plan.replicas;
  await writeConditions(autoscaler, [...plan.conditions, ...(resize === undefined ? [] : [resize])], room, (status) => ({
    ...status,
    ...(done && { lastScaleTime: formatTime(now) }),
    currentReplicas: target.replicas,
    desiredReplicas: desired ?? status.desiredReplicas ?? 0,
    currentMetrics: plan.metrics ?? null,
  }));
}

async function writeConditions(
  autoscaler: KubeObject,
  conditions: readonly Condition[],
  { cluster, clock }: Room,
  more: (status: { readonly desiredReplicas?: number }) => object = (status) => status,
): Promise<void> {
  const now = formatTime(clock.now());
  await cluster.modify(
    AUTOSCALERS,
    keyOf(autoscaler),
    (current) => {
      const merged = conditions.reduce((all, condition) => setCondition(all, condition, now), (current.status?.conditions ?? []) as readonly Condition[]);
      return { ...current, status: { desiredReplicas: 0, ...more(current.status ?? {}), conditions: merged } };
    },
    { status: true },
  );
}
