/** Taking back what nobody supervises: its monitor and its keeper were killed, or the machine was started anew. */
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../../store/process-id.ts";
import type { ProcessState } from "../process.ts";
import { removeGroups, sendSignal, signalMembers } from "./control.ts";
import type { Folder } from "./folder.ts";
import { stateOf } from "./status.ts";

const SIGKILL = 9;
const POLL_MS = 5;
const TRIES = 2000;

/** As `stateOf`; but what is lost is ended, its groups go, and whoever comes first leaves the record. Idempotent, and safe side by side. */
export async function settledState(folder: Folder, id: string): Promise<ProcessState | undefined> {
  const found = stateOf(folder, id);
  if (found?.lost === undefined) return found;
  const { lost, pid, startTime } = found;
  const { groups } = folder.recorded() ?? {};
  if (groups !== undefined) await signalMembers(groups, SIGKILL);
  if (isAlive(pid, startTime)) sendSignal(pid, SIGKILL);
  for (let tries = 0; isAlive(pid, startTime) && tries < TRIES; tries++) await sleep(POLL_MS);
  if (groups !== undefined) await removeGroups(groups);
  const { at, ...exit } = lost;
  folder.recordLost({ ...exit, oomKilled: false, finishedAt: at.toISOString() });
  return stateOf(folder, id);
}
