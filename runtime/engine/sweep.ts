/** Finds what a crash left, by what should not be there: each thing is settled or removed under the lock of its container. */
import { removeTree } from "../../store/remove-tree.ts";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { detach } from "../network/attach.ts";
import { forgetNamespace, removeIdle } from "../network/networks.ts";
import { volumeFolder, volumeUsers } from "../volume/volumes.ts";
import { lockContainer } from "./lock-container.ts";
import { tryLock } from "./lock.ts";
import { careFor } from "./lost.ts";
import { lockName, type Parts } from "./parts.ts";
import { sweepUnmade } from "./unmade.ts";

/** Safe at any time, beside running commands: what they hold the lock of is left alone. */
export async function sweep(parts: Parts): Promise<void> {
  for (const record of parts.records.list()) await careFor(parts, record);
  await sweepUnmade(parts);
  await sweepVolumes(parts);
  await sweepNetworks(parts);
}

/** Anonymous volumes of containers that never came to be. */
async function sweepVolumes(parts: Parts): Promise<void> {
  for (const [name, volume] of parts.volumes.table.list()) {
    if (volume.owner === undefined || parts.records.get(volume.owner) !== undefined) continue;
    const held = tryLock(lockName(parts, volume.owner));
    if (held === undefined) continue;
    await using _ = held;
    if (parts.records.get(volume.owner) !== undefined || volumeUsers(parts.volumes, name).length > 0) continue;
    await removeTree(volumeFolder(parts.volumes, name));
    await parts.volumes.table.remove(name);
  }
}

/** Endpoints without owner, namespaces without endpoint, bridges and rules without anybody on them. */
async function sweepNetworks(parts: Parts): Promise<void> {
  const owns = (owner: string): boolean => parts.records.get(owner)?.unsettled === true || parts.sandboxes.get(owner) !== undefined;
  for (const [name, network] of parts.network.table.list()) {
    for (const owner of Object.keys(network.endpoints)) {
      await using _ = await lockContainer(parts, owner);
      if (!owns(owner)) await detach(parts.network, name, owner);
    }
  }
  if (parts.cni.list().length > 0) await (await import("./cni.ts")).sweepCni(parts, owns);
  const isKept = (owner: string): boolean => owns(owner) || parts.cni.get(owner) !== undefined;
  for (const owner of await readdir(join(parts.runRoot, "netns")).catch(() => [])) {
    if (isKept(owner)) continue;
    await using _ = await lockContainer(parts, owner);
    if (!isKept(owner)) await forgetNamespace(parts.network, owner);
  }
  await removeIdle(parts.network);
}
