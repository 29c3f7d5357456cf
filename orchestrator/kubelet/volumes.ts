/** Makes a pod's volumes ready on the node, and tells which host path each is. */
import { chmod, chown, mkdir, stat, writeFile } from "node:fs/promises";
import type { KubeObject } from "../cluster.ts";
import { writeAtomically } from "./atomic-folder.ts";
import type { Lookup } from "./environment.ts";
import { StartError } from "./errors.ts";
import type { PodFolders } from "./pod-folder.ts";
import { specOf, type VolumeSpec } from "./pod-spec.ts";
import { volumeFiles } from "./volume-files.ts";

/** Idempotent; a second call brings changed ConfigMaps and Secrets up to date. @throws {StartError} `FailedMount` */
export async function prepareVolumes(pod: KubeObject, folders: PodFolders, lookup: Lookup): Promise<void> {
  for (const volume of specOf(pod).volumes ?? []) {
    try {
      await prepareVolume(pod, volume, folders, lookup);
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      throw new StartError("FailedMount", `MountVolume.SetUp failed for volume "${volume.name}" : ${found}`, { cause: error });
    }
  }
}

/** True when a projected volume changed. */
export async function refreshVolumes(pod: KubeObject, folders: PodFolders, lookup: Lookup): Promise<void> {
  for (const volume of specOf(pod).volumes ?? []) {
    if (isProjection(volume)) await prepareVolume(pod, volume, folders, lookup);
  }
}

/** The host path of a volume. @throws {StartError} `FailedMount` for a kind that this node does not know */
export function volumePath(pod: KubeObject, volume: VolumeSpec, folders: PodFolders): string {
  if (volume.hostPath !== undefined) return volume.hostPath.path;
  return folders.volume(pod.metadata.uid, pluginOf(volume), volume.name);
}

function isProjection({ configMap, secret, downwardAPI, projected }: VolumeSpec): boolean {
  return configMap !== undefined || secret !== undefined || downwardAPI !== undefined || projected !== undefined;
}

function pluginOf(volume: VolumeSpec): string {
  if (volume.emptyDir !== undefined) return "empty-dir";
  if (volume.configMap !== undefined) return "configmap";
  if (volume.secret !== undefined) return "secret";
  if (volume.downwardAPI !== undefined) return "downward-api";
  if (volume.projected !== undefined) return "projected";
  throw new StartError("FailedMount", `no volume plugin matched for volume "${volume.name}"`);
}

async function prepareVolume(pod: KubeObject, volume: VolumeSpec, folders: PodFolders, lookup: Lookup): Promise<void> {
  const path = volumePath(pod, volume, folders);
  if (volume.hostPath !== undefined) return await prepareHostPath(path, volume.hostPath.type ?? "");
  const files = volumeFiles(pod, volume, lookup);
  if (files !== undefined) {
    await writeAtomically(path, files, `v${process.hrtime.bigint().toString(36)}`);
    return;
  }
  await mkdir(path, { recursive: true });
  await chmod(path, 0o777); // mkdir's mode is cut by the umask
  const group = specOf(pod).securityContext?.fsGroup;
  if (group !== undefined) {
    await chown(path, 0, group);
    await chmod(path, 0o2777);
  }
}

type Stats = Awaited<ReturnType<typeof stat>>;

const HOST_PATH_CHECKS: Readonly<Record<string, readonly [what: string, is: (stats: Stats) => boolean]>> = {
  Directory: ["directory", (stats) => stats.isDirectory()],
  File: ["file", (stats) => stats.isFile()],
  Socket: ["socket", (stats) => stats.isSocket()],
  CharDevice: ["character device", (stats) => stats.isCharacterDevice()],
  BlockDevice: ["block device", (stats) => stats.isBlockDevice()],
};

async function prepareHostPath(path: string, type: string): Promise<void> {
  if (type === "DirectoryOrCreate") await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === "FileOrCreate") await writeFile(path, "", { flag: "a", mode: 0o644 });
  const check = HOST_PATH_CHECKS[type];
  const found = await stat(path).catch(() => undefined);
  if (check !== undefined && (found === undefined || !check[1](found)))
    throw new StartError("FailedMount", `hostPath type check failed: ${path} is not a ${check[0]}`);
}
