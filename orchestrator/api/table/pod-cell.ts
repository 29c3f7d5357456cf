/** The Ready, Status and Restarts cells of a pod: one word for what its containers are doing. */
import type { KubeObject } from "../../cluster.ts";
import { formatAge } from "./age.ts";

interface ContainerStatus {
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly started?: boolean;
  readonly name: string;
  readonly state?: { readonly waiting?: { readonly reason?: string }; readonly running?: unknown; readonly terminated?: Terminated };
  readonly lastState?: { readonly terminated?: Terminated };
}

interface PodStatus {
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

interface PodSpec {
  readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[];
}

interface Terminated {
  readonly reason?: string;
  readonly exitCode: number;
  readonly signal?: number;
  readonly finishedAt?: string;
}

export function podStatus({ metadata, spec, status }: KubeObject): string {
  const reason = scheduledReason(status) ?? status?.reason ?? status?.phase ?? "";
  const phrase = initPhrase(spec, status?.initContainerStatuses ?? []) ?? containerPhrase(reason, status);
  if (metadata.deletionTimestamp === undefined) return phrase;
  return status?.reason === "NodeLost" ? "Unknown" : "Terminating";
}

export function podReady({ spec, status }: KubeObject): string {
  const sidecars = sidecarNames(spec);
  const counted: ContainerStatus[] = [
    ...(status?.initContainerStatuses ?? []).filter(({ name }: ContainerStatus) => sidecars.has(name)),
    ...(status?.containerStatuses ?? []),
  ];
  return `${counted.filter(({ ready }) => ready === true).length}/${(spec?.containers ?? []).length + sidecars.size}`;
}

export function podRestarts({ spec, status }: KubeObject, now: Date): string {
  const sidecars = sidecarNames(spec);
  const inits: ContainerStatus[] = status?.initContainerStatuses ?? [];
  const main: ContainerStatus[] = status?.containerStatuses ?? [];
  const initializing = initPhrase(spec, inits) !== undefined;
  const counted = initializing ? inits : [...inits.filter(({ name }) => sidecars.has(name)), ...main];
  const restarts = counted.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
  const last = counted
    .map(({ lastState }) => lastState?.terminated?.finishedAt ?? "")
    .toSorted()
    .at(-1);
  return restarts === 0 || last === undefined || last === "" ? String(restarts) : `${restarts} (${formatAge(last, now)} ago)`;
}

function scheduledReason(status: PodStatus | undefined): string | undefined {
  const condition = status?.conditions?.find(({ type }) => type === "PodScheduled");
  return condition?.reason === "SchedulingGated" ? "SchedulingGated" : undefined;
}

/** Undefined when all init containers are done. */
function initPhrase(spec: PodSpec | undefined, statuses: readonly ContainerStatus[]): string | undefined {
  const sidecars = sidecarNames(spec);
  for (const [index, { name, state, started }] of statuses.entries()) {
    if (state?.terminated?.exitCode === 0 || (sidecars.has(name) && started === true)) continue;
    if (state?.terminated !== undefined) return `Init:${terminatedReason(state.terminated)}`;
    const waiting = state?.waiting?.reason ?? "";
    return waiting !== "" && waiting !== "PodInitializing" ? `Init:${waiting}` : `Init:${index}/${(spec?.initContainers ?? []).length}`;
  }
  return undefined;
}

function containerPhrase(phase: string, status: PodStatus | undefined): string {
  const statuses = status?.containerStatuses ?? [];
  const reasons = statuses.map(({ state }) => waitingReason(state) ?? (state?.terminated && terminatedReason(state.terminated)));
  const phrase = reasons.find((reason) => reason !== undefined) ?? phase;
  const running = statuses.some(({ ready, state }) => ready === true && state?.running !== undefined);
  if (phrase !== "Completed" || !running) return phrase;
  return status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ? "Running" : "NotReady";
}

function waitingReason(state: ContainerStatus["state"]): string | undefined {
  const reason = state?.waiting?.reason ?? "";
  return reason === "" ? undefined : reason;
}

function terminatedReason({ reason = "", signal = 0, exitCode }: Terminated): string {
  if (reason !== "") return reason;
  return signal === 0 ? `ExitCode:${exitCode}` : `Signal:${signal}`;
}

function sidecarNames(spec: PodSpec | undefined): ReadonlySet<string> {
  return new Set((spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always").map(({ name }) => name));
}
