/** From the number that usage asks for to the number that may be now: stabilization, speed, bounds. Decides, and does nothing. Spec: autoscaling/v2, behavior. */
import type { Condition } from "../conditions.ts";
import { highestSince, lowestSince, replicasAt, type History } from "./history.ts";

interface Rules {
  readonly stabilizationWindowSeconds?: number;
  readonly selectPolicy: "Max" | "Min" | "Disabled";
  readonly policies: readonly { readonly type: "Pods" | "Percent"; readonly value: number; readonly periodSeconds: number }[];
}

export interface Behavior {
  readonly scaleUp: Rules;
  readonly scaleDown: Rules;
}

export interface Wish {
  readonly current: number;
  /** What usage asks for. */
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  readonly behavior: Behavior | undefined;
  readonly history: History;
  readonly now: number;
}

export interface Allowed {
  readonly replicas: number;
  readonly conditions: readonly Condition[];
}

interface Limit {
  readonly to: number;
  readonly reason: string;
  readonly message: string;
}

const DOWNSCALE_STABILIZATION_SECONDS = 300;
/** Without a behavior, a small deployment may grow to this at once, a larger one to twice its size. */
const FREE_SIZE = 4;
const FREE_FACTOR = 2;

const tooFast = (to: number): Limit => ({
  to,
  reason: "ScaleUpLimit",
  message: "the desired replica count is increasing faster than the maximum scale rate",
});
const tooMany = (to: number): Limit => ({ to, reason: "TooManyReplicas", message: "the desired replica count is more than the maximum replica count" });
const tooFew = (to: number): Limit => ({ to, reason: "TooFewReplicas", message: "the desired replica count is less than the minimum replica count" });
const tooFastDown = (to: number): Limit => ({
  to,
  reason: "ScaleDownLimit",
  message: "the desired replica count is decreasing faster than the maximum scale rate",
});

export function allow(wish: Wish): Allowed {
  const stable = stabilize(wish);
  const limit = limitFor({ ...wish, desired: stable });
  return { replicas: limit?.to ?? stable, conditions: [ableToScale(wish, stable), scalingLimited(limit)] };
}

/** The most modest of what was recommended within the window of each direction. */
function stabilize({ current, desired, behavior, history, now }: Wish): number {
  const down = behavior?.scaleDown.stabilizationWindowSeconds ?? DOWNSCALE_STABILIZATION_SECONDS;
  const highest = highestSince(history, now - down * 1000, desired);
  if (behavior === undefined) return highest;
  const lowest = lowestSince(history, now - (behavior.scaleUp.stabilizationWindowSeconds ?? 0) * 1000, desired);
  return Math.min(Math.max(current, lowest), highest);
}

function ableToScale({ desired, current, behavior }: Wish, stable: number): Condition {
  if (stable === desired) return { type: "AbleToScale", status: "True", reason: "ReadyForNewScale", message: "recommended size matches current size" };
  const up = behavior !== undefined && desired >= current;
  return {
    type: "AbleToScale",
    status: "True",
    reason: up ? "ScaleUpStabilized" : "ScaleDownStabilized",
    message: up
      ? "recent recommendations were lower than current one, applying the lowest recent recommendation"
      : "recent recommendations were higher than current one, applying the highest recent recommendation",
  };
}

function scalingLimited(limit: Limit | undefined): Condition {
  if (limit !== undefined) return { type: "ScalingLimited", status: "True", reason: limit.reason, message: limit.message };
  return { type: "ScalingLimited", status: "False", reason: "DesiredWithinRange", message: "the desired count is within the acceptable range" };
}

/** Undefined when the number may be. */
function limitFor(wish: Wish): Limit | undefined {
  const { current, desired, min, max, behavior } = wish;
  if (behavior === undefined) {
    const ceiling = Math.max(current * FREE_FACTOR, FREE_SIZE);
    if (desired < min) return tooFew(min);
    const most = max > ceiling ? tooFast(ceiling) : tooMany(max);
    return desired > most.to ? most : undefined;
  }
  if (desired > current) {
    const ceiling = Math.max(current, ceilingOf(behavior.scaleUp, wish));
    const most = max > ceiling ? tooFast(ceiling) : tooMany(max);
    return desired > most.to ? most : undefined;
  }
  if (desired === current) return undefined;
  const floor = Math.min(current, floorOf(behavior.scaleDown, wish));
  const least = min < floor ? tooFastDown(floor) : tooFew(min);
  return desired < least.to ? least : undefined;
}

function ceilingOf({ selectPolicy, policies }: Rules, { current, history, now }: Wish): number {
  if (selectPolicy === "Disabled") return current;
  const most = policies.map(({ type, value, periodSeconds }) => {
    const start = replicasAt(history, now - periodSeconds * 1000, current);
    return type === "Pods" ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return selectPolicy === "Min" ? Math.min(...most) : Math.max(...most);
}

function floorOf({ selectPolicy, policies }: Rules, { current, history, now }: Wish): number {
  if (selectPolicy === "Disabled") return current;
  const least = policies.map(({ type, value, periodSeconds }) => {
    const start = replicasAt(history, now - periodSeconds * 1000, current);
    return type === "Pods" ? start - value : Math.trunc(start * (1 - value / 100));
  });
  return selectPolicy === "Min" ? Math.max(...least) : Math.min(...least);
}
