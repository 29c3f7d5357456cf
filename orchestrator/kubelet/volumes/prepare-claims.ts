/** Makes the volumes of a pod's claims ready: they are there, and the pod's group may write. */
import { stat } from "node:fs/promises";
import type { Cluster, KubeObject } from "../../cluster.ts";
import { messageOf } from "../../errors.ts";
import { checkFirstUse, claimedVolumes, type ClaimedVolume } from "./claimed-volume.ts";
import { StartError } from "../errors.ts";
import { prepareHostPath } from "./host-path.ts";
import { specOf } from "../pod-spec.ts";
import { giveToGroup } from "./volume-group.ts";

/** Idempotent. @throws {StartError} `FailedMount` */
export async function prepareClaims(pod: KubeObject, cluster: Cluster): Promise<void> {
  const claimed = claimedVolumes(pod, cluster);
  checkFirstUse(pod, claimed, cluster);
  const { fsGroup, fsGroupChangePolicy } = specOf(pod).securityContext ?? {};
  for (const one of claimed) {
    await prepare(one);
    if (fsGroup === undefined || one.readOnly || one.hostPathType !== undefined) continue; // a host's own path keeps its owner
    await giveToGroup(one.path, fsGroup, fsGroupChangePolicy ?? "Always").catch((error: unknown) => {
      throw new StartError(
        "FailedMount",
        `MountVolume.SetUp failed for volume "${one.volume.metadata.name}" : applyFSGroup failed for vol ${one.path}: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    });
  }
}

async function prepare({ volume, path, hostPathType }: ClaimedVolume): Promise<void> {
  const { name } = volume.metadata;
  if (hostPathType !== undefined) {
    await prepareHostPath(path, hostPathType).catch((error: unknown) => {
      throw new StartError("FailedMount", `MountVolume.SetUp failed for volume "${name}" : ${messageOf(error)}`, { cause: error });
    });
    return;
  }
  await stat(path).catch((error: unknown) => {
    throw new StartError("FailedMount", `MountVolume.NewMounter initialization failed for volume "${name}" : path "${path}" does not exist`, { cause: error });
  });
}
