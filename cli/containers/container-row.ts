/** A container as one row of `ps`, with docker's field names. Pure. */
import type { Container, ContainerStatus } from "../../runtime/engine.ts";
import { ago, goTime, humanDuration } from "./ages.ts";
import { labelFields, type LabelFields } from "./label-fields.ts";
import { formatPort } from "./port-flags.ts";

const SHORT_ID = 12;
const SHORT_COMMAND = 20;

export interface ContainerRow extends LabelFields {
  readonly ID: string;
  readonly Image: string;
  readonly Command: string;
  readonly CreatedAt: string;
  readonly RunningFor: string;
  readonly Status: string;
  readonly State: string;
  readonly Ports: string;
  readonly Names: string;
  readonly Mounts: string;
  readonly Networks: string;
  readonly LocalVolumes: string;
}

export function containerRow({ record, status }: Container, now: number, truncate: boolean): ContainerRow {
  const command = [record.path, ...record.args.map(quoted)].join(" ");
  return {
    ID: truncate ? record.id.slice(0, SHORT_ID) : record.id,
    Image: record.options.imageReference ?? shortImage(record.imageName) ?? record.imageID.slice("sha256:".length).slice(0, SHORT_ID),
    Command: JSON.stringify(truncate && command.length > SHORT_COMMAND ? `${command.slice(0, SHORT_COMMAND - 1)}…` : command),
    CreatedAt: goTime(record.createdAt),
    RunningFor: ago(record.createdAt, now),
    Status: statusText(status, now),
    State: status.status,
    Ports: status.status === "running" || status.status === "paused" ? [...openPorts(record), ...record.network.ports.map(formatPort)].join(", ") : "",
    Names: record.name,
    ...labelFields(record.config.Labels ?? {}),
    Mounts: record.mounts
      .filter(({ kind }) => kind !== "tmpfs")
      .map((mount) => mount.name ?? mount.source)
      .join(","),
    Networks: networkNames(record).join(","),
    LocalVolumes: String(record.mounts.filter((mount) => mount.kind === "volume").length),
  };
}

/** As docker shows an argument of several words. */
function quoted(argument: string): string {
  return argument.includes(" ") ? `'${argument}'` : argument;
}

/** Those it is on, or is to be on. */
export function networkNames({ network }: Container["record"]): readonly string[] {
  const { mode, endpoints } = network;
  if (endpoints !== undefined) return endpoints.map((endpoint) => endpoint.network);
  return [mode.kind === "bridge" || mode.kind === "cni" ? mode.name : mode.kind];
}

/** Exposed and not published, while it runs. */
function openPorts({ network, config }: Container["record"]): readonly string[] {
  if (network.address === undefined) return [];
  const published = new Set(network.ports.map((port) => `${port.containerPort}/${port.protocol}`));
  return Object.keys(config.ExposedPorts ?? {}).filter((port) => !published.has(port));
}

export function statusText(status: ContainerStatus, now: number): string {
  const health = status.health === undefined ? "" : ` (${status.health.status === "starting" ? "health: starting" : status.health.status})`;
  const up = status.startedAt === undefined ? "Up" : `Up ${humanDuration(now - Date.parse(status.startedAt))}`;
  switch (status.status) {
    case "running":
      return `${up}${health}`;
    case "paused":
      return `${up} (Paused)`;
    case "restarting":
      return `Restarting (${status.exit?.exitCode ?? 0}) ${status.exit === undefined ? "" : ago(status.exit.finishedAt, now)}`.trimEnd();
    case "exited":
    case "stopped":
      return status.exit === undefined ? "Exited" : `Exited (${status.exit.exitCode}) ${ago(status.exit.finishedAt, now)}`;
    case "dead":
      return "Dead";
    default:
      return "Created";
  }
}

/** As users wrote it: without docker.io/library. */
export function shortImage(name: string | undefined): string | undefined {
  return name?.replace(/^docker\.io\/(?:library\/)?/, "");
}
