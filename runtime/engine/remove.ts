/** remove: everything of a container goes; its anonymous volumes when asked. */
import { removeFile, removeTree } from "../../store/remove-tree.ts";
import type { ContainerRecord } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import type { ExitRecord } from "../process.ts";
import { releaseVolume, removeVolume } from "../volume/volumes.ts";
import { disconnect, isConnected } from "./connect.ts";
import type { Lock } from "./lock.ts";
import { lockContainer } from "./lock-container.ts";
import { containerFolder, markerPath, type Parts, snapshotKey } from "./parts.ts";
import { inspect, isLive } from "./status.ts";
import { tellContainer, tellDeath, tellVolumes } from "./tell.ts";

const KILLED = { exitCode: 137, oomKilled: false };

type Removing = ContainerRecord & Required<Pick<ContainerRecord, "removing">>;

export function isRemoving(record: ContainerRecord): record is Removing {
  return record.removing !== undefined;
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN`, `CONTAINER_STATE` when it runs and is not forced */
export async function removeContainer(parts: Parts, reference: string, options: { readonly force?: boolean; readonly volumes?: boolean } = {}): Promise<void> {
  const { id } = parts.records.find(reference);
  await using held = await lockContainer(parts, id);
  const { record, status } = await inspect(parts, parts.records.find(id));
  if (isLive(status) && options.force !== true) {
    throw new RuntimeError(
      "CONTAINER_STATE",
      `You cannot remove a ${status.status} container ${record.id}. Stop the container before attempting removal or force remove`,
    );
  }
  if (isLive(status)) tellContainer(parts, "kill", record, { signal: "9" });
  const volumes = options.volumes ?? record.removing?.volumes ?? record.options.autoRemove ?? false;
  const removing = { volumes };
  await parts.records.change(id, (current) => ({ ...current, removing }));
  await finishRemoval(parts, { ...record, removing }, held);
}

/** What cannot be removed stays, says why, and is not started again. Idempotent. */
export async function finishRemoval(parts: Parts, record: Removing, held: Lock): Promise<void> {
  try {
    await discard(parts, record, { volumes: record.removing.volumes, held });
  } catch (error) {
    const why = `Its removal failed: ${error instanceof Error ? error.message : String(error)}`; // whoever asked may have been killed
    await parts.records.change(record.id, ({ removing: _removing, ...current }) => ({ ...current, stopRequested: true, error: why }));
    throw error;
  }
}

interface DiscardOptions {
  readonly volumes: boolean;
  /** The container's lock. */
  readonly held: Lock;
  readonly exit?: ExitRecord;
}

/** The record goes last: what a crash leaves is found by it. Idempotent. */
export async function discard(parts: Parts, record: ContainerRecord, options: DiscardOptions): Promise<void> {
  const { id } = record;
  removeFile(markerPath(parts, id));
  await parts.processes.remove(id);
  if (record.unsettled && record.startedAt !== undefined) {
    tellDeath(parts, record, options.exit ?? KILLED);
    tellVolumes(parts, "unmount", record);
  }
  await Promise.all([
    ...(record.unsettled || isConnected(parts, record) ? [disconnect(parts, record, options.held)] : []),
    parts.store.snapshots.remove(snapshotKey(id)).then(async () => await removeTree(containerFolder(parts, id))),
  ]);
  await dropVolumes(parts, record, options.volumes);
  await parts.records.remove(record);
  tellContainer(parts, "destroy", record);
}

async function dropVolumes(parts: Parts, record: ContainerRecord, remove: boolean): Promise<void> {
  for (const { kind, name } of record.mounts) {
    if (kind !== "volume" || name === undefined || parts.volumes.table.get(name)?.anonymous !== true) continue;
    if (!remove) await releaseVolume(parts.volumes, name);
    else await removeVolume(parts.volumes, name, record.id).catch((error: unknown) => ignoreInUse(error));
  }
}

/** Another container took it over with --volumes-from or by name. */
function ignoreInUse(error: unknown): void {
  if (!(error instanceof RuntimeError && error.code === "VOLUME_IN_USE")) throw error;
}
