/** The end of a container: whatever runs is killed, its groups and its folder go. Idempotent. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import { RuntimeError } from "../errors.ts";
import { membersBelow, removeGroups, sendSignal, signalMembers, wakeMonitor } from "./control.ts";
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
  if (groups !== undefined) refuseBusy(id, await removeGroups(groups));
  removeTreeSync(folder.path);
  const hooks = recorded === undefined ? undefined : await loadHooks(recorded.spec, id, recorded.bundle);
  await hooks?.removed(warn);
}

/** Its folder stays, so that the next removal finds the groups. @throws {RuntimeError} `CGROUP_FAILED` */
function refuseBusy(id: string, folders: readonly string[]): void {
  const [folder] = folders;
  if (folder === undefined) return;
  const pids = membersBelow(folder);
  if (pids.length === 0) return; // whoever was there has gone meanwhile
  const who = pids.length === 1 ? `process ${pids[0]} is` : `processes ${pids.join(", ")} are`;
  throw new RuntimeError("CGROUP_FAILED", `Cannot remove container ${id}: ${who} in its group ${folder} and none of its own`, {
    hint: "End them or move them to another group (cgroup.procs), and remove the container again",
  });
}
