/** What a container is doing, told from its record and from the process behind it. */
import type { Container, ContainerRecord, ContainerStatus, HealthState } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import type { ExitRecord, ProcessState } from "../process.ts";
import { DEFAULT_NETWORK } from "../network/record.ts";
import { healthCheckOf, UNKNOWN_HEALTH } from "./health/plan.ts";
import type { Parts } from "./parts.ts";

/** What docker says of a container that a reboot or a crash took. */
const LOST_EXIT_CODE = 255;

export function statusOf(record: ContainerRecord, state: ProcessState | undefined): ContainerStatus {
  const startedAt = state?.startedAt ?? record.startedAt;
  const error = record.error ?? state?.exit?.error ?? record.exit?.error;
  const times = { ...(startedAt !== undefined && { startedAt }), ...(error !== undefined && { error }) };
  if (state !== undefined && state.status !== "stopped") return { status: state.status, pid: state.pid, ...times, ...health(record) };
  const exit = state?.exit ?? (record.unsettled ? lostExit() : record.exit);
  if (record.restartAt !== undefined) return { status: "restarting", pid: 0, ...times, ...(exit !== undefined && { exit }) };
  if (exit === undefined || startedAt === undefined) return { status: "created", pid: 0, ...times, ...(exit !== undefined && { exit }) };
  return { status: "exited", pid: 0, ...times, exit, ...health(record) };
}

/** Its state went with the run folder. When it ended is not known: `settle`, which follows, leaves the time at which it was noticed. */
function lostExit(): ExitRecord {
  return { exitCode: LOST_EXIT_CODE, oomKilled: false, finishedAt: new Date().toISOString(), error: "the machine was started anew" };
}

function health(record: ContainerRecord): { readonly health?: HealthState } {
  return healthCheckOf(record.config.Healthcheck) === undefined ? {} : { health: record.health ?? UNKNOWN_HEALTH };
}

export function isLive(status: ContainerStatus): boolean {
  return status.status === "running" || status.status === "paused" || status.status === "created" || status.status === "creating" ? status.pid !== 0 : false;
}

export async function inspect(parts: Parts, record: ContainerRecord): Promise<Container> {
  let state = await parts.processes.state(record.id);
  if (state?.status === "paused" && (await (await import("./brief-pause.ts")).resumeForgotten(parts, record.id)))
    state = await parts.processes.state(record.id);
  if (state?.status === "running" && hasServers(record)) await (await import("./care-servers.ts")).careForServers(parts, record);
  return { record, status: statusOf(record, state) };
}

/** Of its own, beside it: for names on users' networks, and for ports. */
function hasServers({ network }: ContainerRecord): boolean {
  return network.ports.length > 0 || network.endpoints?.some((endpoint) => endpoint.network !== DEFAULT_NETWORK) === true;
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN` */
export async function getContainer(parts: Parts, reference: string): Promise<Container> {
  return await inspect(parts, parts.records.find(reference));
}

/** Newest first. */
export async function listContainers(parts: Parts): Promise<readonly Container[]> {
  const all = await Promise.all(parts.records.list().map(async (record) => await inspect(parts, record)));
  return all.toSorted((one, other) => other.record.createdAt.localeCompare(one.record.createdAt));
}

/** @throws {RuntimeError} `CONTAINER_STATE` */
export function needLive(container: Container, verb: string): Container {
  const { record, status } = container;
  if (!isLive(status)) throw new RuntimeError("CONTAINER_STATE", `Cannot ${verb} container ${record.name}: it is ${status.status}`);
  return container;
}
