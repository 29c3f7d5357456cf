/**
 * What commands do in passing: a container that ended, or was about to be started again, while everybody who would have seen to it was killed
 * (or taken by a reboot) is settled, started again by its policy, or removed.
 */
import { readdir } from "node:fs/promises";
import { isAlive } from "../../store/process-id.ts";
import { startProgram } from "../../system/program.ts";
import type { Container, ContainerRecord } from "../engine.ts";
import { exitEnvironment } from "../process/host.ts";
import { strayNetworks } from "./connections.ts";
import { tryLock } from "./lock.ts";
import { containersFolder, lockName, type Parts } from "./parts.ts";
import { discard, finishRemoval, isRemoving } from "./remove.ts";
import { isAwaited, settleOnce } from "./settle.ts";
import { inspect, isLive, listContainers } from "./status.ts";

/** Pure: whether this container, as it was found, may need care. */
function isSuspect({ record, status }: Container): boolean {
  if (record.removing !== undefined) return true;
  if (isLive(status)) return strayNetworks(record).length > 0;
  return record.unsettled || record.restartAt !== undefined || isAbandoned(record);
}

/** `run --rm` was killed between its create and its start. */
function isAbandoned(record: ContainerRecord): boolean {
  const { maker, options, startedAt, exit, unsettled } = record;
  if (options.autoRemove !== true || maker === undefined) return false;
  return (!unsettled || (startedAt === undefined && exit === undefined)) && !isAlive(maker.pid, maker.startTime);
}

/** As they are once the lost ones among them are cared for. */
export async function careForAll(parts: Parts, containers: readonly Container[]): Promise<readonly Container[]> {
  const suspects = containers.filter(isSuspect);
  for (const { record } of suspects) await careFor(parts, record);
  const isStale = await hasUnmade(parts);
  if (isStale) await (await import("./unmade.ts")).sweepUnmade(parts);
  return suspects.length === 0 ? containers : await listContainers(parts);
}

/** Folders or names of containers whose record was never written, or was removed before them. */
async function hasUnmade(parts: Parts): Promise<boolean> {
  const folders = await readdir(containersFolder(parts)).catch(() => []);
  return [...folders, ...parts.records.names().map(([, id]) => id)].some((id) => parts.records.get(id) === undefined);
}

/** Idempotent; what somebody else has the lock of, or a living monitor sees to, is left alone. */
export async function careFor(parts: Parts, { id }: Pick<ContainerRecord, "id">): Promise<void> {
  const held = tryLock(lockName(parts, id));
  if (held === undefined) return;
  let record: ContainerRecord | undefined;
  try {
    record = parts.records.get(id);
    if (record === undefined) return;
    if (isRemoving(record)) return await finishRemoval(parts, record, held);
    if (isLive((await inspect(parts, record)).status)) return await finishDisconnects(parts, record);
    if ((await parts.processes.state(id))?.watched === true) return;
    if (isAbandoned(record) && (!record.unsettled || (await parts.processes.state(id))?.startedAt === undefined)) {
      await discard(parts, record, { volumes: true, held });
      return;
    }
  } finally {
    await held[Symbol.asyncDispose]();
  }
  if (record.unsettled) await settleOnce(parts, id);
  const { restartAt, restarter } = parts.records.get(id) ?? {};
  if (restartAt !== undefined && !isAwaited({ ...(restarter !== undefined && { restarter }) })) sendRestarter(parts, id);
}

/** `network disconnect` was killed when the link was gone and the record told of it still. */
async function finishDisconnects(parts: Parts, record: ContainerRecord): Promise<void> {
  for (const name of strayNetworks(record)) {
    const { finishDisconnect } = await import("./networks-of-container.ts");
    await finishDisconnect(parts, parts.records.get(record.id) ?? record, name);
  }
}

/** Waits for the moment and starts it, in a process of its own: nobody need wait for that. */
function sendRestarter(parts: Parts, id: string): void {
  const [program, ...args] = [...parts.self, "container-settle", id] as const;
  try {
    const { ended } = startProgram(program, args, { files: [undefined, undefined, undefined], cwd: "/", detached: true, env: exitEnvironment(process.env) });
    ended.catch(() => undefined);
  } catch {
    /* no process to be had: the next command sends another */
  }
}
