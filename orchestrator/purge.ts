/** Forgets a cluster: its objects, keys and logs. The data of volumes goes only where a policy says so; nobody's data vanishes with the object that named it. */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { KubeObject } from "./cluster.ts";
import { ownFolder } from "./controllers/volume-provisioner/plan.ts";
import { clusterFolder, volumesFolder } from "./folders.ts";
import { openLmdbLog } from "./log/lmdb-log.ts";
import { VOLUMES } from "./storage/names.ts";
import { removeTree } from "./storage/remove-tree.ts";

/** The folders of volumes that are kept. Idempotent. @throws {ApiError} `ServiceUnavailable` while the cluster is up */
export async function purgeCluster(root: string): Promise<readonly string[]> {
  const folder = volumesFolder(root);
  for (const path of disposable(await readVolumes(root), folder)) await removeTree(path);
  const kept = (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
  const rest = await readdir(clusterFolder(root)).catch(() => []);
  for (const name of rest) if (kept.length === 0 || name !== "volumes") await rm(join(clusterFolder(root), name), { recursive: true, force: true });
  if (kept.length === 0) await rm(clusterFolder(root), { recursive: true, force: true });
  return kept;
}

/** Made here, and to be deleted with their claims, which are forgotten. What has no object any more was kept on purpose. */
export function disposable(volumes: readonly KubeObject[], folder: string): readonly string[] {
  return volumes.flatMap((volume) => (volume.spec.persistentVolumeReclaimPolicy === "Delete" ? (ownFolder(volume, folder) ?? []) : []));
}

async function readVolumes(root: string): Promise<readonly KubeObject[]> {
  const folder = join(clusterFolder(root), "log");
  if (!existsSync(folder)) return [];
  await using log = openLmdbLog({ folder });
  return log.list(VOLUMES);
}
