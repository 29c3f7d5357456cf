/** Containers that never came to be, or were half removed: folders, layers and names without a record. */
import { readdir, rm } from "node:fs/promises";
import { removeTree } from "../../store/remove-tree.ts";
import { tryLock } from "./lock.ts";
import { containerFolder, containersFolder, lockName, markerPath, type Parts, snapshotKey } from "./parts.ts";

/** What somebody else holds the lock of is left alone. */
export async function sweepUnmade(parts: Parts): Promise<void> {
  await sweepFolders(parts);
  await sweepNames(parts);
}

/** Folders and upper layers whose record was never written, or was removed before them. */
async function sweepFolders(parts: Parts): Promise<void> {
  const names = await readdir(containersFolder(parts)).catch(() => []);
  for (const id of names) {
    if (parts.records.get(id) !== undefined) continue;
    const held = tryLock(lockName(parts, id));
    if (held === undefined) continue;
    await using _ = held;
    if (parts.records.get(id) !== undefined) continue;
    await parts.processes.remove(id);
    await parts.store.snapshots.remove(snapshotKey(id));
    await removeTree(containerFolder(parts, id));
    await rm(markerPath(parts, id), { force: true });
  }
}

async function sweepNames(parts: Parts): Promise<void> {
  for (const [name, id] of parts.records.names()) {
    if (parts.records.get(id) !== undefined) continue;
    const held = tryLock(lockName(parts, id));
    if (held === undefined) continue;
    await using _ = held;
    if (parts.records.get(id) === undefined) await parts.records.releaseName(name, id);
  }
}
