/** How many replicas a resource's usage asks for. Decides, and does nothing. Spec: Kubernetes documentation, "Horizontal Pod Autoscaling", algorithm details. */
import type { KubeObject } from "../../cluster.ts";
import { sortPods, type Reading } from "./pod-groups.ts";

/** Amounts are in thousandths of the resource's unit. */
export type Goal = { readonly kind: "utilization"; readonly percent: number } | { readonly kind: "average"; readonly amount: number };

export interface Question {
  readonly resource: string;
  readonly goal: Goal;
  readonly replicas: number;
  readonly pods: readonly KubeObject[];
  /** By pod name. */
  readonly readings: ReadonlyMap<string, Reading>;
  /** By pod name; unused for averages. */
  readonly requests: ReadonlyMap<string, number>;
  /** Parts of the goal that usage may be away from it without effect. */
  readonly tolerance: { readonly up: number; readonly down: number };
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Answer {
  readonly replicas: number;
  /** Percent of what is requested. */
  readonly utilization?: number;
  readonly average: number;
}

export interface Problem {
  readonly problem: string;
}

interface Level {
  readonly ratio: number;
  readonly utilization?: number;
  readonly average: number;
}

/** Pods without a reading and pods that are not ready count so that they hold a change back, and never turn it round. */
export function propose(question: Question): Answer | Problem {
  const { pods, readings, replicas, now, resource } = question;
  if (pods.length === 0) return { problem: "no pods returned by selector while calculating replica count" };
  const groups = sortPods(pods, readings, resource, now);
  const counted = new Map([...readings].filter(([name]) => groups.ready.has(name)).map(([name, { amount }]) => [name, amount]));
  if (counted.size === 0) return { problem: "did not receive metrics for targeted pods (pods might be unready)" };
  const level = levelOf(question, counted);
  if ("problem" in level) return level;
  const { ratio, ...usage } = level;
  const growsUnready = groups.unready.size > 0 && ratio > 1;
  if (!growsUnready && groups.missing.size === 0) {
    return { ...usage, replicas: isWithin(question, ratio) ? replicas : Math.ceil(ratio * groups.ready.size) };
  }
  if (ratio !== 1) for (const name of groups.missing) counted.set(name, ratio < 1 ? fullUse(question, name) : 0);
  if (growsUnready) for (const name of groups.unready) counted.set(name, 0);
  const careful = levelOf(question, counted);
  if ("problem" in careful) return careful;
  return { ...usage, replicas: carefully(question, ratio, careful.ratio, counted.size) };
}

/** The second look, with the pods that are not known: it may only weaken the first. */
function carefully(question: Question, ratio: number, next: number, count: number): number {
  const { replicas } = question;
  const turned = (ratio < 1 && next > 1) || (ratio > 1 && next < 1);
  if (isWithin(question, next) || turned) return replicas;
  const wanted = Math.ceil(next * count);
  const against = (next < 1 && wanted > replicas) || (next > 1 && wanted < replicas);
  return against ? replicas : wanted;
}

function levelOf({ goal, requests }: Question, amounts: ReadonlyMap<string, number>): Level | Problem {
  const known = goal.kind === "average" ? [...amounts] : [...amounts].filter(([name]) => requests.has(name));
  const total = known.reduce((sum, [, amount]) => sum + amount, 0);
  const average = Math.trunc(total / Math.max(1, known.length));
  if (goal.kind === "average") return { ratio: average / goal.amount, average };
  const requested = known.reduce((sum, [name]) => sum + (requests.get(name) ?? 0), 0);
  if (requested === 0) return { problem: "no metrics returned matched known pods" };
  const utilization = Math.trunc((total * 100) / requested);
  return { ratio: utilization / goal.percent, utilization, average };
}

/** What a pod without a reading is taken to use when others use little. */
function fullUse({ goal, requests }: Question, name: string): number {
  return goal.kind === "average" ? goal.amount : Math.trunc(((requests.get(name) ?? 0) * Math.max(100, goal.percent)) / 100);
}

function isWithin({ tolerance }: Question, ratio: number): boolean {
  return 1 - tolerance.down <= ratio && ratio <= 1 + tolerance.up;
}
