/** A pod's status from what runs: phase, conditions, container statuses. Decides, and does nothing. Spec: Kubernetes documentation, "Pod Lifecycle". */
import { formatTime } from "../controllers/clock.ts";
import { setCondition, type Condition } from "../controllers/conditions.ts";
import { containerStatus, type ContainerStatus, type StatusInput } from "./container-status.ts";
import { isOverdue } from "./plan-pod.ts";
import { isSidecar, specOf, type ContainerSpec } from "./pod-spec.ts";

export type Phase = "Pending" | "Running" | "Succeeded" | "Failed";

export const OVERDUE = "Pod was active on the node longer than the specified deadline";

export function podStatus(input: StatusInput): Readonly<Record<string, unknown>> {
  const { pod, running, hostIP, now } = input;
  const { initContainers = [], containers, ephemeralContainers = [], hostNetwork } = specOf(pod);
  const inits = initContainers.map((container) => containerStatus(input, container, true));
  const mains = containers.map((container) => containerStatus(input, container, false));
  const ephemeral = ephemeralContainers.map((container) => ephemeralStatus(input, container));
  const before = pod.status ?? {};
  const phase = keepTerminal(before.phase, phaseOf(input, inits, mains));
  const address = hostNetwork === true ? hostIP : (running.sandbox?.address ?? before.podIP);
  const overdue = phase === "Failed" && isOverdue(pod, now) ? { reason: "DeadlineExceeded", message: OVERDUE } : {};
  return {
    ...before,
    phase,
    ...overdue,
    conditions: conditionsOf(input, phase, inits, mains),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(address === undefined ? {} : { podIP: address, podIPs: [{ ip: address }] }),
    startTime: before.startTime ?? formatTime(now),
    ...(inits.length === 0 ? {} : { initContainerStatuses: inits }),
    containerStatuses: mains,
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
  };
}

/** Upstream tells neither readiness nor a started flag of them. */
function ephemeralStatus(input: StatusInput, container: ContainerSpec): Partial<ContainerStatus> {
  const { started: _, ...status } = containerStatus(input, container, false);
  return { ...status, ready: false };
}

/** What has ended never runs again. */
function keepTerminal(before: unknown, next: Phase): Phase {
  return before === "Succeeded" || before === "Failed" ? before : next;
}

function phaseOf({ pod, plan, now }: StatusInput, inits: readonly ContainerStatus[], mains: readonly ContainerStatus[]): Phase {
  const { initContainers = [], restartPolicy = "Always" } = specOf(pod);
  const over = plan.over && pod.metadata.deletionTimestamp !== undefined;
  const policy = over ? "Never" : restartPolicy;
  if (isOverdue(pod, now)) return "Failed";
  const regular = inits.filter((_, index) => !isSidecar(initContainers[index] as ContainerSpec));
  const failed = regular.some((status) => exitCode(status) !== undefined && exitCode(status) !== 0);
  const begun = mains.some(hasRun);
  if (failed && policy === "Never" && !begun) return "Failed";
  if (
    !begun &&
    (regular.some((status) => exitCode(status) !== 0) || inits.some((status, index) => isSidecar(initContainers[index] as ContainerSpec) && !status.started))
  )
    return "Pending";
  if (!over && mains.some((status) => !hasRun(status))) return "Pending";
  if (mains.some((status) => status.state.running !== undefined)) return "Running";
  if (policy === "Always") return "Running";
  if (mains.every((status) => exitCode(status) === 0)) return "Succeeded";
  return policy === "Never" ? "Failed" : "Running";
}

function hasRun(status: ContainerStatus): boolean {
  return status.state.running !== undefined || exitCode(status) !== undefined;
}

/** Of its last end. */
function exitCode(status: ContainerStatus): number | undefined {
  return (status.state.terminated ?? status.lastState.terminated)?.exitCode;
}

function conditionsOf(
  { pod, running, now }: StatusInput,
  phase: Phase,
  inits: readonly ContainerStatus[],
  mains: readonly ContainerStatus[],
): readonly Condition[] {
  const { initContainers = [], readinessGates = [] } = specOf(pod);
  const sidecars = inits.filter((_, index) => isSidecar(initContainers[index] as ContainerSpec));
  const uninitialized = inits.filter((status, index) => (isSidecar(initContainers[index] as ContainerSpec) ? !status.started : exitCode(status) !== 0));
  const unready = [...sidecars, ...mains].filter((status) => !status.ready);
  const given: readonly Condition[] = pod.status?.conditions ?? [];
  const gates = readinessGates.filter((gate) => given.find(({ type }) => type === gate.conditionType)?.status !== "True");
  const initialized = uninitialized.length === 0 || mains.some(hasRun);
  const containersReady = notReady(phase, unready);
  const gated =
    gates.length === 0
      ? undefined
      : { reason: "ReadinessGatesNotReady", message: `the status of pod readiness gate "${gates[0]?.conditionType}" is not "True", but False` };
  const wanted: readonly Condition[] = [
    condition("PodReadyToStartContainers", running.sandbox === undefined ? {} : undefined),
    condition(
      "Initialized",
      initialized ? undefined : { reason: "ContainersNotInitialized", message: `containers with incomplete status: ${names(uninitialized)}` },
    ),
    condition("Ready", containersReady ?? gated),
    condition("ContainersReady", containersReady),
    condition("PodScheduled", undefined),
  ];
  const time = formatTime(now);
  return wanted.reduce((conditions, next) => setCondition(conditions, next, time), given);
}

function notReady(phase: Phase, unready: readonly ContainerStatus[]): { readonly reason: string; readonly message?: string } | undefined {
  if (phase === "Succeeded") return { reason: "PodCompleted" };
  if (phase === "Failed") return { reason: "PodFailed" };
  return unready.length === 0 ? undefined : { reason: "ContainersNotReady", message: `containers with unready status: ${names(unready)}` };
}

function condition(type: string, hindrance: { readonly reason?: string; readonly message?: string } | undefined): Condition {
  return { type, status: hindrance === undefined ? "True" : "False", lastProbeTime: null, ...hindrance };
}

function names(statuses: readonly ContainerStatus[]): string {
  return `[${statuses.map(({ name }) => name).join(" ")}]`;
}
