/** Makes a pod's volumes ready on the node, and tells which host path each is. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { KubeObject } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { lookupFor, type AgentParts } from "../agent-parts.ts";
import { writeAtomically } from "./atomic-folder.ts";
import { prepareEmptyDir } from "./empty-dir.ts";
import { StartError } from "../errors.ts";
import { isClaimed } from "./claimed-volume.ts";
import { prepareHostPath } from "./host-path.ts";
import type { PodEntry } from "../pod-entry.ts";
import type { PodFolders } from "../pod-folder.ts";
import { specOf, type TokenProjection, type VolumeSpec } from "../pod-spec.ts";
import { isFresh, tokenWish } from "../service-account-token.ts";
import { volumeFiles } from "./volume-files.ts";

type Parts = Pick<AgentParts, "folders" | "cluster" | "clock" | "issueToken">;

/** All but those of claims. Idempotent; a second call brings changed ConfigMaps and Secrets up to date. @throws {StartError} `FailedMount` */
export async function prepareVolumes(parts: Parts, pod: KubeObject): Promise<void> {
  for (const volume of specOf(pod).volumes ?? []) {
    if (isClaimed(volume)) continue;
    try {
      await prepareVolume(parts, pod, volume);
    } catch (error) {
      const found = messageOf(error);
      throw new StartError("FailedMount", `MountVolume.SetUp failed for volume "${volume.name}" : ${found}`, { cause: error });
    }
  }
}

/**
 * What changed at its source, and tokens that grow old, are written anew; one after the other, so that the newest is written last.
 * One source that is gone does not hold up the others.
 */
export async function refreshVolumes(parts: Parts, entry: PodEntry): Promise<void> {
  const write = async (): Promise<void> => {
    const pod = parts.cluster.get("pods", entry.key);
    if (entry.sandbox === undefined || pod?.metadata.uid !== entry.uid) return;
    const volumes = (specOf(pod).volumes ?? []).filter(isProjection);
    await Promise.allSettled(volumes.map(async (volume) => await prepareVolume(parts, pod, volume)));
  };
  entry.volumes = entry.volumes.then(write);
  await entry.volumes;
}

/** Whether a volume of the pod shows this ConfigMap or Secret. */
export function shows(pod: KubeObject, { kind, metadata }: KubeObject): boolean {
  if (kind !== "ConfigMap" && kind !== "Secret") return false;
  const names = (specOf(pod).volumes ?? []).flatMap(({ configMap, secret, projected }) =>
    kind === "ConfigMap"
      ? [configMap?.name, ...(projected?.sources ?? []).map((source) => source.configMap?.name)]
      : [secret?.secretName, ...(projected?.sources ?? []).map((source) => source.secret?.name)],
  );
  return names.includes(metadata.name);
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

async function prepareVolume(parts: Parts, pod: KubeObject, volume: VolumeSpec): Promise<void> {
  const path = volumePath(pod, volume, parts.folders);
  if (volume.hostPath !== undefined) return await prepareHostPath(path, volume.hostPath.type ?? "");
  if (volume.emptyDir !== undefined) return await prepareEmptyDir(path, volume.emptyDir, pod);
  const files = volumeFiles(pod, volume, lookupFor(parts.cluster, pod), tokenSource(parts, pod, path));
  if (files === undefined) return;
  await writeAtomically(path, files, `v${process.hrtime.bigint().toString(36)}`, specOf(pod).securityContext?.fsGroup);
}

/** The token that is there, while it is good. */
function tokenSource({ issueToken, clock }: Parts, pod: KubeObject, folder: string) {
  return (projection: TokenProjection): string => {
    const present = readText(join(folder, projection.path));
    if (isFresh(present, clock.now())) return present;
    const wish = tokenWish(pod, projection);
    const token = issueToken(wish);
    if (token === undefined) throw new StartError("FailedMount", `failed to fetch token: serviceaccounts "${wish.serviceAccount}" not found`);
    return token;
  };
}

/** Empty when it cannot be read. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
