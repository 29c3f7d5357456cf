/** What to do next for a pod, from its spec and what runs. Decides, and does nothing. Spec: Kubernetes documentation, "Pod Lifecycle". */
import type { KubeObject } from "../cluster.ts";
import { parseTime } from "../controllers/clock.ts";
import { isTerminal } from "../controllers/pods.ts";
import { statusesOf } from "./container-status.ts";
import { allContainers, graceOf, isSidecar, specOf, type ContainerSpec } from "./pod-spec.ts";
import { nextRestart } from "./restart-backoff.ts";
import { ended, latest, type Instance, type RunningPod } from "./running.ts";

export type PodAction =
  /** Volumes and sandbox. */
  | { readonly kind: "prepare" }
  | { readonly kind: "start"; readonly container: ContainerSpec; readonly attempt: number; readonly backoff: number }
  | { readonly kind: "stop"; readonly instance: Instance; readonly grace: number; readonly why: StopReason }
  /** It was told to end, and its time is over sooner than was said then. */
  | { readonly kind: "kill"; readonly instance: Instance }
  | { readonly kind: "forget"; readonly instance: Instance }
  /** Nothing runs any more: the sandbox goes; with `purge` also instances, logs and volumes, and the object from the API. */
  | { readonly kind: "dismantle"; readonly purge: boolean };

export type StopReason = "deleted" | "liveness" | "startup" | "changed" | "deadline" | "done";

export interface PodPlan {
  readonly actions: readonly PodAction[];
  /** Containers held back after a crash, with the wait in milliseconds. */
  readonly crashing: ReadonlyMap<string, number>;
  /** Nothing will be started any more. */
  readonly over: boolean;
  /** Milliseconds since the epoch when to look again. */
  readonly wakeAt: number | undefined;
}

export function planPod(pod: KubeObject, running: RunningPod, now: number): PodPlan {
  const planner = new Planner(pod, running, now);
  planner.plan();
  return { actions: planner.actions, crashing: planner.crashing, over: planner.over, wakeAt: planner.wakeAt };
}

/** Past `activeDeadlineSeconds`. */
export function isOverdue(pod: KubeObject, now: number): boolean {
  const seconds = specOf(pod).activeDeadlineSeconds;
  return seconds !== undefined && pod.status?.startTime !== undefined && now >= parseTime(pod.status.startTime) + seconds * 1000;
}

/** The image is all of a container that may change while its pod runs. */
function isOfAnotherImage({ image }: Instance, container: ContainerSpec): boolean {
  return image !== container.image;
}

class Planner {
  readonly actions: PodAction[] = [];
  readonly crashing = new Map<string, number>();
  over = false;
  wakeAt: number | undefined;
  readonly #pod: KubeObject;
  readonly #running: RunningPod;
  readonly #now: number;

  constructor(pod: KubeObject, running: RunningPod, now: number) {
    this.#pod = pod;
    this.#running = running;
    this.#now = now;
  }

  plan(): void {
    const deleted = this.#pod.metadata.deletionTimestamp !== undefined;
    if (deleted || isTerminal(this.#pod) || isOverdue(this.#pod, this.#now)) return this.#end(deleted);
    this.#forgetOld();
    if (this.#isFinished()) return this.#end(false);
    this.#wakeAtDeadline();
    if (this.#running.sandbox === undefined) return this.#prepare();
    for (const container of specOf(this.#pod).ephemeralContainers ?? []) this.#runOnce(container);
    if (this.#initialize()) for (const container of specOf(this.#pod).containers) this.#keepRunning(container);
  }

  /** Stops what runs, containers first, then sidecars from the last to the first; then takes the rest down. */
  #end(deleted: boolean): void {
    this.over = true;
    const why = deleted ? "deleted" : isOverdue(this.#pod, this.#now) ? "deadline" : "done";
    const live = this.#running.instances.filter((instance) => instance.state.kind !== "exited");
    const grace = this.#graceLeft();
    for (const instance of grace === 0 ? live : this.#firstToEnd(live)) this.#stop(instance, why, grace);
    if (live.length > 0 || this.#running.busy.size > 0) return;
    if (deleted || this.#running.sandbox !== undefined) this.actions.push({ kind: "dismantle", purge: deleted });
  }

  #firstToEnd(live: readonly Instance[]): readonly Instance[] {
    const sidecars = (specOf(this.#pod).initContainers ?? []).filter(isSidecar).map(({ name }) => name);
    const main = live.filter(({ container }) => !sidecars.includes(container));
    if (main.length > 0) return main;
    const last = sidecars.toReversed().find((name) => live.some(({ container }) => container === name));
    return live.filter(({ container }) => container === last);
  }

  /** What was used up by those that ended before is gone. */
  #graceLeft(): number {
    const { deletionTimestamp } = this.#pod.metadata;
    const grace = graceOf(this.#pod);
    return deletionTimestamp === undefined ? grace : Math.min(grace, Math.max(1, Math.ceil((parseTime(deletionTimestamp) - this.#now) / 1000)));
  }

  #stop(instance: Instance, why: StopReason, grace = graceOf(this.#pod)): void {
    if (instance.state.kind === "created") return;
    if (instance.state.kind === "running" && instance.state.stopping) return this.#hasten(instance, instance.state.stopBy);
    this.actions.push({ kind: "stop", instance, grace, why });
  }

  /** Who deletes a pod again with less grace means it. */
  #hasten(instance: Instance, stopBy = 0): void {
    const { deletionTimestamp } = this.#pod.metadata;
    const due = deletionTimestamp === undefined ? Infinity : parseTime(deletionTimestamp);
    if (due >= stopBy) return;
    if (due > this.#now) this.#wake(due);
    else this.actions.push({ kind: "kill", instance });
  }

  /** Every container has ended for good. */
  #isFinished(): boolean {
    const { containers, initContainers = [] } = specOf(this.#pod);
    const failedInit = initContainers.some((init) => !isSidecar(init) && this.#endedForGood(init) && this.#exitCode(init) !== 0);
    return failedInit || containers.every((container) => this.#endedForGood(container));
  }

  #endedForGood(container: ContainerSpec): boolean {
    const instance = latest(this.#running, container.name);
    return instance?.state.kind === "exited" && !this.#restarts(container, instance, instance.state.exit.exitCode);
  }

  #exitCode(container: ContainerSpec): number | undefined {
    const state = latest(this.#running, container.name)?.state;
    return state?.kind === "exited" ? state.exit.exitCode : undefined;
  }

  #restarts(container: ContainerSpec, instance: Instance, exitCode: number): boolean {
    const { restartPolicy = "Always", initContainers = [] } = specOf(this.#pod);
    if (isSidecar(container) || isOfAnotherImage(instance, container)) return true;
    if (initContainers.includes(container)) return exitCode !== 0 && restartPolicy !== "Never";
    return restartPolicy === "Always" || (restartPolicy === "OnFailure" && exitCode !== 0);
  }

  #prepare(): void {
    const problem = this.#running.problems.get("pod");
    if (this.#running.busy.has("pod")) return;
    if (problem !== undefined && problem.retryAt > this.#now) return this.#wake(problem.retryAt);
    this.actions.push({ kind: "prepare" });
  }

  /** One after the other; true when the containers may run. */
  #initialize(): boolean {
    const { containers, initContainers = [] } = specOf(this.#pod);
    const begun = containers.some((container) => latest(this.#running, container.name) !== undefined);
    for (const init of initContainers) {
      const instance = latest(this.#running, init.name);
      if (isSidecar(init)) {
        this.#keepRunning(init);
        if (!begun && !(instance?.state.kind === "running" && instance.probes.started)) return false;
      } else if (!begun && this.#exitCode(init) !== 0) {
        this.#keepRunning(init);
        return false;
      }
    }
    return true;
  }

  #keepRunning(container: ContainerSpec): void {
    if (this.#running.busy.has(container.name)) return;
    const instance = latest(this.#running, container.name);
    if (instance === undefined) return this.#start(container, this.#firstAttempt(container), 0);
    const { state, probes } = instance;
    if (state.kind === "running") {
      if (probes.failed !== undefined) this.#stop(instance, probes.failed.probe, probes.failed.grace);
      else if (isOfAnotherImage(instance, container)) this.#stop(instance, "changed");
      return;
    }
    if (state.kind === "created") return;
    if (!this.#restarts(container, instance, state.exit.exitCode)) return;
    const restart = nextRestart(instance, state);
    if (restart.at <= this.#now) return this.#start(container, instance.attempt + 1, restart.backoff);
    this.crashing.set(container.name, restart.wait);
    this.#wake(restart.at);
  }

  /** Of an ephemeral container there is one run, whatever comes of it. */
  #runOnce(container: ContainerSpec): void {
    if (this.#running.busy.has(container.name) || latest(this.#running, container.name) !== undefined) return;
    if (statusesOf(this.#pod).some(({ name, containerID }) => name === container.name && containerID !== undefined)) return;
    this.#start(container, 0, 0);
  }

  /** An instance that the API knows and the node lost counts as a restart. */
  #firstAttempt(container: ContainerSpec): number {
    const known = statusesOf(this.#pod).find((status) => status.name === container.name);
    return known === undefined ? 0 : known.restartCount + (known.containerID ? 1 : 0);
  }

  #start(container: ContainerSpec, attempt: number, backoff: number): void {
    const problem = this.#running.problems.get(container.name);
    if (problem !== undefined && problem.retryAt > this.#now) return this.#wake(problem.retryAt);
    this.actions.push({ kind: "start", container, attempt, backoff });
  }

  /** Of each container the last ended instance is kept for its log. */
  #forgetOld(): void {
    for (const { name } of allContainers(specOf(this.#pod))) {
      for (const instance of ended(this.#running, name).slice(1)) this.actions.push({ kind: "forget", instance });
    }
  }

  #wakeAtDeadline(): void {
    const seconds = specOf(this.#pod).activeDeadlineSeconds;
    if (seconds !== undefined && this.#pod.status?.startTime !== undefined) this.#wake(parseTime(this.#pod.status.startTime) + seconds * 1000);
  }

  #wake(at: number): void {
    this.wakeAt = Math.min(this.wakeAt ?? Infinity, at);
  }
}
