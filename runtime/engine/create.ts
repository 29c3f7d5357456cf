/** create: a record, a name, an upper folder, an init layer, volumes. Nothing runs yet, no network is held. */
import { removeTree } from "../../store/remove-tree.ts";
import { mkdirSync } from "node:fs";
import { join, posix } from "node:path";
import type { ExecutionConfig } from "../../store/oci.ts";
import type { Container, ContainerOptions, ContainerRecord, MountRequest } from "../engine.ts";
import { applyOptions, commandLine } from "./configuration.ts";
import { givenName, newID } from "./identity.ts";
import { type MountPointRequest, writeInitLayer } from "./init-layer.ts";
import { resources } from "./limits.ts";
import { lockContainer } from "./lock-container.ts";
import { mountTargets, planMounts, prepareMounts } from "./mount-points.ts";
import { containerFolder, type Parts, snapshotKey } from "./parts.ts";
import { ownProcess } from "./self.ts";
import { tellContainer } from "./tell.ts";
import { checkWords } from "./words.ts";

/** @throws {RuntimeError} `CONTAINER_EXISTS`, `NAME_INVALID`, `SPEC_INVALID`, `PATH_UNKNOWN` */
export async function createContainer(parts: Parts, options: ContainerOptions): Promise<Container> {
  const id = newID();
  await using _ = await lockContainer(parts, id);
  const { image, ...flags } = options;
  const config = applyOptions(image.config.config ?? {}, flags);
  const [path = "", ...args] = commandLine(config);
  checkWords(path, ...args, ...(config.Env ?? []), config.WorkingDir, config.User, ...Object.keys(config.Volumes ?? {}));
  checkWords(flags.hostname, flags.domain, ...(flags.mounts ?? []).map(({ target }) => target));
  resources(flags.limits ?? {}); /* refuse before anything is made */
  if (options.storageLimit !== undefined) (await import("./storage-limit.ts")).checkStorageLimit(options);
  const wanted = givenName(options.name);
  await freeName(parts, wanted);
  const name = await parts.records.claimName(wanted, id);
  const folder = containerFolder(parts, id);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o711 }); // a user namespace's root is another user here, and passes through
    const mounts = await prepareFiles(parts, id, options, config);
    const record: ContainerRecord = {
      id,
      name,
      createdAt: new Date().toISOString(),
      imageName: image.name,
      imageID: image.id,
      options: { ...flags, name },
      config,
      path,
      args,
      network: { mode: options.network, ports: options.ports ?? [] },
      mounts,
      restartCount: 0,
      stopRequested: false,
      unsettled: false,
      maker: ownProcess(),
    };
    await parts.records.put(record);
    tellContainer(parts, "create", record);
    return { record, status: { status: "created", pid: 0 } };
  } catch (error) {
    await parts.store.snapshots.remove(snapshotKey(id));
    await removeTree(folder);
    await parts.records.releaseName(name, id);
    throw error;
  }
}

/** Of a container whose maker was killed before there was a record. */
async function freeName(parts: Parts, name: string | undefined): Promise<void> {
  const holder = name === undefined ? undefined : parts.records.holder(name);
  if (holder !== undefined && parts.records.get(holder) === undefined) await (await import("./unmade.ts")).sweepUnmade(parts);
}

async function prepareFiles(parts: Parts, id: string, options: ContainerOptions, config: ExecutionConfig): Promise<ContainerRecord["mounts"]> {
  const chain = await parts.store.images.unpack(options.image);
  const bound = options.storageLimit && { size: options.storageLimit.bytes };
  const [view] = await Promise.all([parts.store.snapshots.view(chain), parts.store.snapshots.prepare(snapshotKey(id), chain, bound)]);
  const requests = planMounts([...borrowedMounts(parts, options.volumesFrom), ...(options.mounts ?? [])], Object.keys(config.Volumes ?? {}));
  const mounts = await prepareMounts(requests, view, parts.volumes, id);
  await writeInitLayer(join(containerFolder(parts, id), "init"), view, [...mountTargets(mounts), ...workingFolder(config)]);
  return mounts;
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN` */
function borrowedMounts({ records }: Parts, lenders: ContainerOptions["volumesFrom"] = []): readonly MountRequest[] {
  return lenders.flatMap(({ container, readOnly }) =>
    records.find(container).mounts.flatMap(({ kind, name, source, subPath, target, readOnly: lent }): readonly MountRequest[] => {
      const access = { target, readOnly: readOnly ?? lent };
      if (kind === "bind") return [{ kind, source, ...(subPath !== undefined && { subPath }), ...access }];
      return name === undefined ? [] : [{ kind: "volume", name, ...access }];
    }),
  );
}

/** Made when the image lacks it, beneath the upper folder: a read-only root has it too. */
function workingFolder({ WorkingDir: path = "" }: ExecutionConfig): readonly MountPointRequest[] {
  return path.startsWith("/") && path !== "/" ? [{ path: posix.normalize(path).replace(/\/+$/, ""), type: "directory" }] : [];
}
