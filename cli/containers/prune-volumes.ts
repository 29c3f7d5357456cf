/** Volumes that no container uses and that `matches` takes. */
import { RuntimeError } from "../../runtime/errors.ts";
import type { Volume } from "../../runtime/volumes.ts";
import { folderBytes } from "../../store/care/folder-bytes.ts";
import type { Context } from "../context.ts";

export async function pruneVolumes(
  context: Context,
  matches: (volume: Volume) => boolean,
): Promise<{ readonly removed: readonly string[]; readonly bytes: number }> {
  const { volumes } = await context.engine();
  const removed: string[] = [];
  let bytes = 0;
  for (const volume of await volumes.list()) {
    if (!matches(volume)) continue;
    const size = folderBytes(volume.mountpoint);
    try {
      await volumes.remove(volume.name);
    } catch (error) {
      if (!(error instanceof RuntimeError && error.code === "VOLUME_IN_USE")) throw error;
      continue;
    }
    removed.push(volume.name);
    bytes += size;
  }
  return { removed, bytes };
}
