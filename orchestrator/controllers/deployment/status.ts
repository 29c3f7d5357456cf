/** A Deployment's status and its three conditions, from what its sets report. Spec: Kubernetes documentation, "Deployments". */
import type { KubeObject } from "../../cluster.ts";
import { formatTime, parseTime } from "../clock.ts";
import { findCondition, withoutCondition, type Condition } from "../conditions.ts";
import { availableOf, fences, sizeOf, sum, type Sets } from "./sets.ts";

export interface Counts {
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly unavailableReplicas: number;
}

export type DeploymentStatus = Partial<Counts> & {
  readonly observedGeneration: number;
  readonly conditions?: readonly Condition[];
  readonly collisionCount?: number;
};

export function countSets({ current, all }: Sets): Counts {
  const available = sum(all, availableOf);
  return {
    replicas: sum(all, (set) => set.status?.replicas ?? 0),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: sum(all, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(all, sizeOf) - available),
  };
}

/** Whether the rollout is done: every replica new and available, none too many. */
export function isComplete(deployment: KubeObject, counts: Counts): boolean {
  const replicas = sizeOf(deployment);
  return counts.updatedReplicas === replicas && counts.replicas === replicas && counts.availableReplicas === replicas;
}

/** `created`: the new set is being made in this very step. `rollout` false leaves Progressing as it is (paused, scaling). */
export interface Step {
  readonly rollout: boolean;
  readonly created?: string;
  readonly now: number;
}

export function planStatus(deployment: KubeObject, sets: Sets, step: Step): DeploymentStatus {
  const counts = countSets(sets);
  const editor = new Conditions(deployment.status?.conditions ?? [], formatTime(step.now));
  const missing = counts.availableReplicas < sizeOf(deployment) - fences(deployment).unavailable;
  if (missing) editor.set("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.");
  else editor.set("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.");
  pausing(deployment, editor);
  if (!hasDeadline(deployment)) editor.remove("Progressing");
  else if (step.created !== undefined) editor.set("Progressing", "True", "NewReplicaSetCreated", `Created new replica set "${step.created}"`);
  else if (step.rollout) progress(deployment, sets, counts, editor, step.now);
  const failure = sets.all.map((set) => findCondition(set, "ReplicaFailure")).find((condition) => condition !== undefined);
  if (failure === undefined) editor.remove("ReplicaFailure");
  else editor.set("ReplicaFailure", failure.status, failure.reason ?? "", failure.message ?? "");
  return {
    observedGeneration: deployment.metadata.generation ?? 1,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    conditions: editor.conditions,
    ...(deployment.status?.collisionCount === undefined ? {} : { collisionCount: deployment.status.collisionCount }),
  };
}

/** No deadline, or the largest one, means none. */
export function hasDeadline(deployment: KubeObject): boolean {
  const seconds = deployment.spec.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== 2 ** 31 - 1;
}

/** Milliseconds until the deadline strikes; undefined when it cannot. */
export function deadlineIn(deployment: KubeObject, status: DeploymentStatus, now: number): number | undefined {
  const condition = status.conditions?.find(({ type }) => type === "Progressing");
  if (!hasDeadline(deployment) || deployment.spec.paused === true || condition === undefined) return undefined;
  if (condition.reason === "NewReplicaSetAvailable" || condition.reason === "ProgressDeadlineExceeded") return undefined;
  return Math.max(0, parseTime(condition.lastUpdateTime) + deployment.spec.progressDeadlineSeconds * 1000 - now) + 1000;
}

function pausing(deployment: KubeObject, editor: Conditions): void {
  const reason = editor.find("Progressing")?.reason;
  if (!hasDeadline(deployment) || reason === "ProgressDeadlineExceeded") return;
  const paused = deployment.spec.paused === true;
  if (paused && reason !== "DeploymentPaused") editor.set("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused");
  if (!paused && reason === "DeploymentPaused") editor.set("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed");
}

function progress(deployment: KubeObject, { current }: Sets, counts: Counts, editor: Conditions, now: number): void {
  const before = editor.find("Progressing");
  const subject = current === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${current.metadata.name}"`;
  if (counts.replicas === counts.updatedReplicas && before?.reason === "NewReplicaSetAvailable") return;
  if (isComplete(deployment, counts)) {
    editor.set("Progressing", "True", "NewReplicaSetAvailable", `${subject} has successfully progressed.`);
  } else if (isProgressing(deployment.status ?? {}, counts)) {
    editor.touch("Progressing", "True", "ReplicaSetUpdated", `${subject} is progressing.`);
  } else if (isLate(deployment, before, now)) {
    editor.set("Progressing", "False", "ProgressDeadlineExceeded", `${subject} has timed out progressing.`);
  } else if (before === undefined && current !== undefined) {
    editor.set("Progressing", "True", "FoundNewReplicaSet", `Found new replica set "${current.metadata.name}"`);
  }
}

function isProgressing(before: Partial<Counts>, now: Counts): boolean {
  const old = (before.replicas ?? 0) - (before.updatedReplicas ?? 0);
  return (
    now.updatedReplicas > (before.updatedReplicas ?? 0) ||
    now.replicas - now.updatedReplicas < old ||
    now.readyReplicas > (before.readyReplicas ?? 0) ||
    now.availableReplicas > (before.availableReplicas ?? 0)
  );
}

function isLate(deployment: KubeObject, condition: Condition | undefined, now: number): boolean {
  if (condition === undefined || condition.reason === "NewReplicaSetAvailable") return false;
  if (condition.reason === "ProgressDeadlineExceeded") return true;
  return now > parseTime(condition.lastUpdateTime) + deployment.spec.progressDeadlineSeconds * 1000;
}

/** Deployment conditions have an update time besides: it moves with the reason, and when `touch`ed. */
class Conditions {
  conditions: readonly Condition[];
  readonly #now: string;

  constructor(conditions: readonly Condition[], now: string) {
    this.conditions = conditions;
    this.#now = now;
  }

  find(type: string): Condition | undefined {
    return this.conditions.find((condition) => condition.type === type);
  }

  set(type: string, status: Condition["status"], reason: string, message: string): void {
    const current = this.find(type);
    if (current?.status !== status || current.reason !== reason) this.touch(type, status, reason, message);
  }

  touch(type: string, status: Condition["status"], reason: string, message: string): void {
    const current = this.find(type);
    const lastTransitionTime = current?.status === status ? (current.lastTransitionTime ?? this.#now) : this.#now;
    this.remove(type);
    this.conditions = [...this.conditions, { type, status, lastUpdateTime: this.#now, lastTransitionTime, reason, message }];
  }

  remove(type: string): void {
    this.conditions = withoutCondition(this.conditions, type);
  }
}
