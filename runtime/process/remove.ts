/** The end of a container: whatever runs is killed, its groups and its folder go. Idempotent. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import { removeGroups, sendSignal, signalMembers, wakeMonitor } from "./control.ts";
import type { Folder } from "./folder.ts";
import { loadHooks } from "./hooks/load.ts";
import { isAlive } from "../../store/process-id.ts";
import { settledState } from "./reclaim.ts";
import { waitForExit } from "./wait.ts";

const SIGKILL = 9;

export async function removeContainer(folder: Folder, id: string, warn: (text: string) => void): Promise<void> {
  const found = await settledState(folder, id);
  const recorded = folder.recorded();
  const { groups } = recorded ?? {};
  if (found !== undefined && found.status !== "stopped") {
    if (groups !== undefined) await signalMembers(groups, SIGKILL);
    if (isAlive(found.pid, found.startTime)) sendSignal(found.pid, SIGKILL);
    wakeMonitor(folder);
    if ((folder.pids()?.monitor ?? 0) !== 0) await waitForExit(folder, id, undefined);
  }
  if (groups !== undefined) await removeGroups(groups);
  removeTreeSync(folder.path);
  const hooks = recorded === undefined ? undefined : await loadHooks(recorded.spec, id, recorded.bundle);
  await hooks?.removed(warn);
}
