/** Writes what was chosen for a pod's waiting claims; the binder and the provisioner do the rest. Idempotent. */
import type { Cluster } from "../cluster.ts";
import { keyOf } from "../controllers/controller.ts";
import { annotated, reserveVolume } from "../controllers/volume-binder/bind.ts";
import { CLAIMS, SELECTED_NODE, VOLUMES } from "../storage/names.ts";
import type { VolumeChoice } from "./volumes.ts";

export async function reserveVolumes(cluster: Cluster, choices: readonly VolumeChoice[], node: string): Promise<void> {
  for (const { claim, volume } of choices) {
    if (volume !== undefined) await cluster.modify(VOLUMES, keyOf(volume), (current) => reserveVolume(current, claim));
    else
      await cluster.modify(CLAIMS, keyOf(claim), (current) =>
        current.metadata.annotations?.[SELECTED_NODE] === node ? current : { ...current, metadata: annotated(current, { [SELECTED_NODE]: node }) },
      );
  }
}
