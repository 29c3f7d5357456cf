/** start: network, files, spec, launch. What fails gives everything back and says why in the record. */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { removeFile } from "../../store/remove-tree.ts";
import { isInUserNamespace } from "../../store/user-namespace.ts";
import type { ContainerRecord } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import type { Attachment, CreateRequest, RunOptions } from "../process.ts";
import { connect, disconnect } from "./connect.ts";
import { healthTimer } from "./health/timer.ts";
import { writeIdentity } from "./hosts.ts";
import type { Lock } from "./lock.ts";
import { lockContainer } from "./lock-container.ts";
import { containerFolder, markerPath, type Parts, snapshotKey } from "./parts.ts";
import { finishRemoval, isRemoving } from "./remove.ts";
import { ownProcess } from "./self.ts";
import { specOf } from "./spec-of.ts";
import { inspect, isLive } from "./status.ts";
import { tellContainer, tellDeath, tellVolumes } from "./tell.ts";

export interface StartOptions {
  readonly attach?: boolean;
  readonly settle?: "caller" | "monitor";
  /** By its restart policy: not when somebody stopped it, or started it, since that was decided. */
  readonly due?: number;
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN`, `CONTAINER_STATE`, `COMMAND_NOT_FOUND`, `COMMAND_NOT_EXECUTABLE`, `LAUNCH_FAILED`, `NETWORK_FAILED`, `PORT_IN_USE` */
export async function startContainer(parts: Parts, reference: string, options: StartOptions = {}): Promise<{ readonly attachment?: Attachment }> {
  const { id } = parts.records.find(reference);
  await using held = await lockContainer(parts, id);
  const { record, status } = await inspect(parts, parts.records.find(id));
  if (isRemoving(record)) {
    await finishRemoval(parts, record, held);
    return await startContainer(parts, id, options); // throws: it is gone
  }
  if (options.due !== undefined && (record.restartAt !== options.due || record.stopRequested)) return {};
  if (isLive(status)) throw new RuntimeError("CONTAINER_STATE", `Cannot start container ${record.name}: it is ${status.status} already`);
  if (record.unsettled || record.startedAt !== undefined) await reset(parts, record, held);
  return await launch(parts, record, held, options);
}

/** What an earlier run left. */
async function reset(parts: Parts, record: ContainerRecord, held: Lock): Promise<void> {
  await parts.processes.remove(record.id);
  if (record.unsettled) await disconnect(parts, record, held);
}

async function launch(parts: Parts, record: ContainerRecord, held: Lock, options: StartOptions): Promise<{ readonly attachment?: Attachment }> {
  const { error: _error, restartAt: _restartAt, restarter: _restarter, health: _health, ...rest } = record;
  const marker = markerPath(parts, record.id);
  mkdirSync(dirname(marker), { recursive: true });
  writeFileSync(marker, "");
  await parts.records.put({ ...rest, unsettled: true, stopRequested: false });
  let ready: Promise<void> | undefined;
  try {
    const connected = await connect(parts, record, held);
    ({ ready } = connected);
    const { network } = connected;
    const files = await writeIdentity(parts, record, network);
    const current: ContainerRecord = { ...rest, network, unsettled: true, stopRequested: false, startedAt: new Date().toISOString() };
    const [request] = await Promise.all([createRequest(parts, current, files, options), parts.records.put(current), ready]);
    const { attachment } = await parts.processes.run(request, { attach: options.attach ?? false, ...wayOut(parts, current) });
    if (options.attach === true) tellContainer(parts, "attach", current);
    tellVolumes(parts, "mount", current);
    tellContainer(parts, "start", current);
    return attachment === undefined ? {} : { attachment };
  } catch (error) {
    await ready?.catch(() => {}); // what is half made cannot be given back
    await giveUp(parts, record, held, error);
    throw error;
  }
}

/** An ordinary user's container is connected once its namespace is there, before its program runs. */
function wayOut(parts: Parts, { id, network }: ContainerRecord): Pick<RunOptions, "beforeStart"> {
  if (network.mode.kind !== "bridge" || !isInUserNamespace()) return {};
  return { beforeStart: async ({ pid }) => await (await import("../network/user-mode.ts")).connectUserMode(parts, id, pid, network.ports) };
}

async function createRequest(
  parts: Parts,
  record: ContainerRecord,
  files: Awaited<ReturnType<typeof writeIdentity>>,
  options: StartOptions,
): Promise<CreateRequest> {
  const active = await parts.store.snapshots.active(snapshotKey(record.id));
  if (active === undefined) throw new RuntimeError("LAUNCH_FAILED", `Cannot start container ${record.name}: its files are gone`);
  const folder = containerFolder(parts, record.id);
  const spec = await specOf(parts, record, files, active);
  const { log: form = { format: "json" as const }, unlogged } = record.options;
  const log = unlogged === true ? {} : { log: { ...form, path: form.path ?? join(folder, "log.json") } };
  return {
    id: record.id,
    spec,
    layers: { ...active, lowers: [join(folder, "init"), ...active.lowers], volatile: record.options.autoRemove ?? false },
    stdio: { kind: "monitor", ...log, stdin: record.options.openStdin ?? false },
    ...healthTimer(parts, record),
    exitCommand: exitCommand(parts, record, options.settle ?? "monitor"),
  };
}

/** The guard costs nothing while the caller lives: it spawns this program only when the caller died before it settled. */
function exitCommand(parts: Parts, record: ContainerRecord, settle: "caller" | "monitor"): readonly string[] {
  const command = [...parts.self, "container-settle", record.id];
  if (settle === "monitor") return command;
  const own = ownProcess();
  const marker = markerPath(parts, record.id);
  return [parts.programs.minder, "guard", `${own.pid}:${own.startTime}`, marker, String(statSync(marker).ino), ...command];
}

async function giveUp(parts: Parts, record: ContainerRecord, held: Lock, error: unknown): Promise<void> {
  await parts.processes.remove(record.id).catch(() => {});
  await disconnect(parts, record, held).catch(() => {});
  removeFile(markerPath(parts, record.id));
  const exitCode =
    error instanceof RuntimeError && error.code === "COMMAND_NOT_FOUND"
      ? 127
      : error instanceof RuntimeError && error.code === "COMMAND_NOT_EXECUTABLE"
        ? 126
        : 128;
  tellDeath(parts, record, { exitCode, oomKilled: false });
  await parts.records.change(record.id, ({ startedAt: _startedAt, restartAt: _restartAt, restarter: _restarter, ...current }) => ({
    ...current,
    unsettled: false,
    error: error instanceof Error ? error.message : String(error),
    exit: { exitCode, oomKilled: false, finishedAt: new Date().toISOString() },
    ...(record.startedAt !== undefined && { startedAt: record.startedAt }),
  }));
}
