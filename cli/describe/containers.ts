/** The containers of a pod, or of a template of pods, as `kubectl describe` lays them out. Pure. */
import { environmentLines, type Lookup, sourceLines } from "./environment.ts";
import { flag, formatTime, NONE, sorted } from "./fields.ts";
import type { Container, ContainerStatus, State } from "./pod-types.ts";
import { probeText } from "./probe.ts";

export interface ContainersOptions {
  /** Undefined of a template, which has none. */
  readonly statuses?: readonly ContainerStatus[];
  readonly lookup: Lookup;
  /** What a template's are further in by. */
  readonly space: "" | "  ";
}

const LEVEL = "    ";

export function containerLines(title: string, containers: readonly Container[], options: ContainersOptions): readonly string[] {
  if (containers.length === 0) return [];
  return [`${options.space}${title}:`, ...containers.flatMap((container) => oneContainer(container, options))];
}

function oneContainer(container: Container, { statuses, lookup, space }: ContainersOptions): readonly string[] {
  const status = statuses?.find(({ name }) => name === container.name);
  return [
    `${space === "" ? "  " : "   "}${container.name}:`,
    ...(status === undefined ? [] : [`${LEVEL}Container ID:\t${status.containerID ?? ""}`]),
    `${LEVEL}Image:\t${container.image ?? ""}`,
    ...(status === undefined ? [] : [`${LEVEL}Image ID:\t${status.imageID ?? ""}`]),
    ...portLines(container),
    ...seccompLines(container),
    ...wordLines("Command", container.command),
    ...wordLines("Args", container.args),
    ...(status === undefined ? [] : statusLines(status)),
    ...resourceLines("Limits", container.resources?.limits),
    ...resourceLines("Requests", container.resources?.requests),
    ...probeLines(container),
    ...sourceLines(container.envFrom ?? [], LEVEL),
    ...environmentLines(container, lookup, LEVEL),
    ...mountLines(container),
  ];
}

function portLines({ ports = [] }: Container): readonly string[] {
  const line = (title: string, texts: readonly string[]): string => `${LEVEL}${title}${texts.length > 1 ? "s" : ""}:\t${texts.join(", ") || NONE}`;
  return [
    line(
      "Port",
      ports.map(({ containerPort, protocol = "TCP" }) => `${containerPort}/${protocol}`),
    ),
    line(
      "Host Port",
      ports.map(({ hostPort = 0, protocol = "TCP" }) => `${hostPort}/${protocol}`),
    ),
  ];
}

function seccompLines({ securityContext }: Container): readonly string[] {
  const profile = securityContext?.seccompProfile;
  if (profile === undefined) return [];
  const local = profile.localhostProfile === undefined ? [] : [`${LEVEL}  LocalhostProfile:\t${profile.localhostProfile}`];
  return [`${LEVEL}SeccompProfile:\t${profile.type}`, ...local];
}

function wordLines(title: string, words: readonly string[] = []): readonly string[] {
  return words.length === 0 ? [] : [`${LEVEL}${title}:`, ...words.flatMap((word) => word.split("\n").map((line) => `${LEVEL}  ${line}`))];
}

function statusLines({ state, lastState, ready, restartCount }: ContainerStatus): readonly string[] {
  return [
    ...stateLines("State", state),
    ...(lastState?.terminated === undefined ? [] : stateLines("Last State", lastState)),
    `${LEVEL}Ready:\t${flag(ready)}`,
    `${LEVEL}Restart Count:\t${restartCount ?? 0}`,
  ];
}

function stateLines(title: string, { running, terminated, waiting }: State = {}): readonly string[] {
  const field = (name: string, value: string | number | undefined): readonly string[] =>
    value === undefined || value === "" ? [] : [`${LEVEL}  ${name}:\t${value}`];
  if (running !== undefined) return [`${LEVEL}${title}:\tRunning`, ...field("Started", formatTime(running.startedAt))];
  if (terminated === undefined) return [`${LEVEL}${title}:\tWaiting`, ...field("Reason", waiting?.reason)];
  return [
    `${LEVEL}${title}:\tTerminated`,
    ...field("Reason", terminated.reason),
    ...field("Message", terminated.message),
    ...field("Exit Code", terminated.exitCode),
    ...((terminated.signal ?? 0) > 0 ? field("Signal", terminated.signal) : []),
    ...field("Started", formatTime(terminated.startedAt)),
    ...field("Finished", formatTime(terminated.finishedAt)),
  ];
}

function resourceLines(title: string, amounts: Readonly<Record<string, string>> = {}): readonly string[] {
  const rows = sorted(amounts).map(([name, amount]) => `${LEVEL}  ${name}:\t${amount}`);
  return rows.length === 0 ? [] : [`${LEVEL}${title}:`, ...rows];
}

function probeLines({ livenessProbe, readinessProbe, startupProbe }: Container): readonly string[] {
  const probes = { Liveness: livenessProbe, Readiness: readinessProbe, Startup: startupProbe };
  return Object.entries(probes).flatMap(([title, probe]) => (probe === undefined ? [] : [`${LEVEL}${title}:\t${probeText(probe)}`]));
}

function mountLines({ volumeMounts = [] }: Container): readonly string[] {
  if (volumeMounts.length === 0) return [`${LEVEL}Mounts:\t${NONE}`];
  const rows = volumeMounts
    .toSorted((left, right) => (left.mountPath < right.mountPath ? -1 : 1))
    .map(({ name, mountPath, readOnly, subPath }) => {
      const flags = [readOnly === true ? "ro" : "rw", ...(subPath === undefined ? [] : [`path=${JSON.stringify(subPath)}`])];
      return `${LEVEL}  ${mountPath} from ${name} (${flags.join(",")})`;
    });
  return [`${LEVEL}Mounts:`, ...rows];
}
