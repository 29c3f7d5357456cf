/** Volumes: folders that outlive containers, `<root>/volumes/<name>/_data`, and who uses them. */
import { removeTree } from "../../store/remove-tree.ts";
import { randomHex } from "../../system/digest.ts";
import { statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { tellEvent } from "../../store/events/journal.ts";
import type { Table } from "../../store/tables.ts";
import { checkName } from "../engine/identity.ts";
import type { ContainerRecord } from "../engine.ts";
import type { Volume, Volumes } from "../volumes.ts";
import { RuntimeError } from "../errors.ts";

export interface VolumeRecord {
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly anonymous: boolean;
  readonly device?: string;
  /** The container that an anonymous volume was made for, until that is removed without its volumes: lets `sweep` tell a stray one. */
  readonly owner?: string;
}

export interface VolumeParts {
  readonly root: string;
  readonly table: Table<VolumeRecord>;
  readonly containers: () => readonly ContainerRecord[];
}

export function volumeFolder(parts: { readonly root: string }, name: string): string {
  return join(parts.root, "volumes", name);
}

export function openVolumes(parts: VolumeParts): Volumes {
  return {
    create: async (name, labels = {}, device) =>
      await createVolume(parts, { labels, ...(name !== undefined && { name }), ...(device !== undefined && { device }) }),
    async get(name): Promise<Volume | undefined> {
      const record = parts.table.get(name);
      return record && toVolume(parts, name, record);
    },
    async list(): Promise<readonly Volume[]> {
      return parts.table.list().map(([name, record]) => toVolume(parts, name, record));
    },
    remove: async (name) => await removeVolume(parts, name),
  };
}

/** `going` is the id of a container that goes with it, and so does not use it. @throws {RuntimeError} `VOLUME_UNKNOWN`, `VOLUME_IN_USE` */
export async function removeVolume(parts: VolumeParts, name: string, going?: string): Promise<void> {
  if (parts.table.get(name) === undefined) throw new RuntimeError("VOLUME_UNKNOWN", `No such volume: ${name}`);
  const users = volumeUsers(parts, name).filter(({ id }) => id !== going);
  if (users.length > 0) throw new RuntimeError("VOLUME_IN_USE", `remove ${name}: volume is in use - [${users.map((user) => user.id).join(", ")}]`);
  await removeTree(volumeFolder(parts, name));
  await parts.table.remove(name);
  tellEvent(parts.root, "volume", "destroy", name, { driver: "local" });
}

/** Idempotent for a name. Record first, then the folder: what a crash leaves is found by the record. */
export async function createVolume(
  parts: VolumeParts,
  options: { readonly name?: string; readonly labels?: Readonly<Record<string, string>>; readonly owner?: string; readonly device?: string },
): Promise<Volume> {
  const { name, labels = {}, owner, device } = options;
  if (device !== undefined && statSync(device, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new RuntimeError("PATH_UNKNOWN", `Cannot make a volume of ${JSON.stringify(device)}: there is no such folder`);
  const chosen = name === undefined ? randomHex(32) : checkName(name, "volume");
  const anonymous = name === undefined;
  const made: VolumeRecord = {
    createdAt: new Date().toISOString(),
    labels,
    anonymous,
    ...(device !== undefined && { device }),
    ...(anonymous && owner !== undefined && { owner }),
  };
  const record = (await parts.table.update(chosen, (current) => current ?? made)) ?? made;
  if (record.createdAt === made.createdAt) tellEvent(parts.root, "volume", "create", chosen, { driver: "local" });
  await mkdir(join(volumeFolder(parts, chosen), "_data"), { recursive: true, mode: 0o755 });
  return toVolume(parts, chosen, record);
}

/** Its container went without it: from now on it is the user's. */
export async function releaseVolume(parts: VolumeParts, name: string): Promise<void> {
  await parts.table.update(name, (current) => {
    if (current?.owner === undefined) return current;
    const { owner: _owner, ...rest } = current;
    return rest;
  });
}

function toVolume(parts: VolumeParts, name: string, { owner: _owner, ...record }: VolumeRecord): Volume {
  return { name, ...record, mountpoint: record.device ?? join(volumeFolder(parts, name), "_data") };
}

export function volumeUsers(parts: VolumeParts, name: string): readonly ContainerRecord[] {
  return parts.containers().filter((container) => container.mounts.some((mount) => mount.kind === "volume" && mount.name === name));
}
