/** One entry of a pod's containerStatuses. Spec: Kubernetes documentation, "Pod Lifecycle". */
import type { ExitRecord } from "../../runtime/process.ts";
import type { KubeObject } from "../cluster.ts";
import type { ContainerSpec, ResourceNeeds } from "./pod-spec.ts";
import { ended, latest, type Instance, type InstanceState, type Problem, type RunningPod } from "./running.ts";

/** What a pod's status is made from. */
export interface StatusInput {
  readonly pod: KubeObject;
  readonly running: RunningPod;
  readonly plan: {
    /** Containers held back after a crash, with the wait in milliseconds. */
    readonly crashing: ReadonlyMap<string, number>;
    /** Nothing will be started any more. */
    readonly over: boolean;
  };
  readonly hostIP: string;
  readonly now: number;
}

export interface ContainerStatus {
  readonly name: string;
  readonly state: ContainerState;
  readonly lastState: ContainerState;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly image: string;
  readonly imageID: string;
  readonly containerID?: string;
  readonly started: boolean;
  readonly allocatedResources?: ResourceNeeds["requests"];
  readonly resources?: ResourceNeeds;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean; readonly recursiveReadOnly?: string }[];
}

export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt: string };
  readonly terminated?: Terminated;
}

export interface Terminated {
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAt: string | null;
  readonly finishedAt: string;
  readonly containerID: string;
}

/** The scheme of container ids in the API. */
export const RUNTIME = "strata";

/** A problem is told as it came for this long, then as the back-off that it led to. */
export const FRESH_MS = 1000;

/** Of every container of a pod, as the API has them. */
export function statusesOf({ status }: KubeObject): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])];
}

export function containerStatus(input: StatusInput, container: ContainerSpec, init: boolean): ContainerStatus {
  const { pod, running } = input;
  const instance = latest(running, container.name);
  const before = statusesOf(pod).find(({ name }) => name === container.name);
  if (instance === undefined) {
    if (before?.state.terminated !== undefined && input.plan.over) return before;
    return { ...fresh(container, before), state: { waiting: waitingFor(input, container, init) } };
  }
  const state = stateOf(input, container, instance, init);
  const live = state.running !== undefined;
  const past = ended(running, container.name).find((one) => one !== instance || state.terminated === undefined);
  return {
    name: container.name,
    state,
    lastState: past === undefined ? toldLast(before, instance) : { terminated: terminated(past, past.state) },
    ready: init && container.restartPolicy !== "Always" ? state.terminated?.exitCode === 0 : live && instance.probes.started && instance.probes.ready,
    restartCount: instance.attempt,
    image: instance.image,
    imageID: instance.imageID,
    containerID: `${RUNTIME}://${instance.id}`,
    started: live && instance.probes.started,
    ...granted(container),
  };
}

/** The node keeps one ended instance; what was before that is known from what was told. */
function toldLast(before: ContainerStatus | undefined, { id }: Instance): ContainerState {
  if (before === undefined) return {};
  const { state, lastState, containerID } = before;
  return containerID === `${RUNTIME}://${id}` || state.terminated === undefined ? lastState : { terminated: state.terminated };
}

/** What it was given; nothing changes it while it runs. */
function granted({ resources = {}, volumeMounts = [] }: ContainerSpec): Pick<ContainerStatus, "allocatedResources" | "resources" | "volumeMounts"> {
  return {
    ...(resources.requests === undefined ? {} : { allocatedResources: resources.requests }),
    resources,
    ...(volumeMounts.length === 0
      ? {}
      : {
          volumeMounts: volumeMounts.map(({ name, mountPath, readOnly }) =>
            readOnly === true ? { name, mountPath, readOnly, recursiveReadOnly: "Disabled" } : { name, mountPath },
          ),
        }),
  };
}

function fresh(container: ContainerSpec, before: ContainerStatus | undefined): Omit<ContainerStatus, "state"> {
  const lost = before?.containerID === undefined ? {} : { containerID: before.containerID }; // its next run counts as a restart
  return {
    name: container.name,
    lastState: before?.lastState ?? {},
    ready: false,
    restartCount: before?.restartCount ?? 0,
    image: container.image,
    imageID: "",
    started: false,
    ...lost,
  };
}

function stateOf(input: StatusInput, container: ContainerSpec, instance: Instance, init: boolean): ContainerState {
  const { state } = instance;
  if (state.kind === "running" && state.starting !== true) return { running: { startedAt: seconds(state.startedAt) } };
  if (state.kind !== "exited") return { waiting: waitingFor(input, container, init) };
  const crashing = input.plan.crashing.get(container.name);
  const { namespace, name, uid } = input.pod.metadata;
  if (crashing !== undefined) {
    const message = `back-off ${duration(crashing)} restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`;
    return { waiting: { reason: "CrashLoopBackOff", message } };
  }
  const problem = input.running.problems.get(container.name);
  if (problem !== undefined && !input.plan.over) return { waiting: explain(problem, container, input.now) };
  return { terminated: terminated(instance, state) };
}

function waitingFor({ pod, running, now }: StatusInput, container: ContainerSpec, init: boolean): { readonly reason: string; readonly message?: string } {
  const problem = running.problems.get(container.name);
  if (problem !== undefined) return explain(problem, container, now);
  if (init) return { reason: "PodInitializing" };
  const begun = (pod.status?.containerStatuses ?? []).some(({ containerID }: ContainerStatus) => containerID !== undefined);
  return { reason: !begun && (pod.spec.initContainers ?? []).length > 0 ? "PodInitializing" : "ContainerCreating" };
}

function explain({ reason, message, at }: Problem, { image }: ContainerSpec, now: number): { readonly reason: string; readonly message: string } {
  if (reason === "ErrImagePull" && now - at >= FRESH_MS) return { reason: "ImagePullBackOff", message: `Back-off pulling image "${image}": ${message}` };
  return { reason, message };
}

function terminated({ id }: Instance, { exit, startedAt, message, reason }: Extract<InstanceState, { kind: "exited" }>): Terminated {
  return {
    exitCode: exit.exitCode,
    ...(exit.signal === undefined ? {} : { signal: exit.signal }),
    reason: reason ?? reasonOf(exit),
    ...(message === undefined || message === "" ? {} : { message }),
    startedAt: startedAt === undefined ? null : seconds(startedAt),
    finishedAt: seconds(exit.finishedAt),
    containerID: `${RUNTIME}://${id}`,
  };
}

function reasonOf({ exitCode, oomKilled }: ExitRecord): string {
  if (oomKilled) return "OOMKilled";
  return exitCode === 0 ? "Completed" : "Error";
}

/** RFC 3339 to the second. */
function seconds(time: string): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** Go's way: `10s`, `2m40s`. */
function duration(ms: number): string {
  const total = Math.round(ms / 1000);
  return total < 60 ? `${total}s` : `${Math.floor(total / 60)}m${total % 60}s`;
}
