/** Where a container is in its life, from its folder and the processes that it names. Reads only. */
import { readFileSync, statSync } from "node:fs";
import type { ExitRecord, ProcessState, ProcessStatus } from "../process.ts";
import { bootID, isAlive } from "../../store/process-id.ts";
import { controllerFolder, type Groups } from "./cgroup/groups.ts";
import type { MonitorPids } from "./client.ts";
import type { Folder, Recorded } from "./folder.ts";

/** `lost`: nobody is there to record its end; it may even still run. */
export type FoundState = ProcessState & { readonly lost?: Pick<ExitRecord, "exitCode" | "signal" | "error"> & { readonly at: Date } };

const KILLED = { exitCode: 137, signal: 9 } as const;
/** What docker says of a container that a reboot took. */
const TAKEN = { exitCode: 255, error: "the machine was started anew" } as const;

export function stateOf(folder: Folder, id: string): FoundState | undefined {
  const recorded = folder.recorded();
  if (recorded === undefined) return undefined;
  const { annotations } = recorded.spec;
  return {
    ...lifeOf(folder, id, recorded),
    ...(recorded.bundle !== undefined && { bundle: recorded.bundle }),
    ...(annotations !== undefined && { annotations }),
  };
}

function lifeOf(folder: Folder, id: string, recorded: Recorded): FoundState {
  const isOfThisBoot = recorded.boot === undefined || recorded.boot === bootID();
  const pids = isOfThisBoot ? folder.pids() : undefined;
  const exit = folder.exit();
  const startedAt = folder.startedAt();
  const started = startedAt === undefined ? {} : { startedAt };
  const stopped = { id, status: "stopped", pid: 0, startTime: 0, ...started } as const;
  if (exit !== undefined) return { ...stopped, exit, ...(pids !== undefined && supervisionOf(pids) === "watched" && { watched: true }) };
  if (!isOfThisBoot) return { ...stopped, lost: { ...TAKEN, at: new Date() } };
  if (pids === undefined && isAlive(recorded.maker.pid, recorded.maker.startTime)) return { id, status: "creating", pid: 0, startTime: 0 };
  if (pids === undefined) return { ...stopped, lost: { ...KILLED, at: timeOf(folder) } };
  const supervision = supervisionOf(pids);
  const lost = { lost: { ...KILLED, error: "its monitor was killed", at: new Date() } };
  // Until its record is there, a monitor that lives is still draining the program's output, and the keeper of a dead one is at work.
  if (isAlive(pids.pid, pids.startTime) || supervision === "watched") {
    const live = { id, status: liveStatus(startedAt, recorded.groups), pid: pids.pid, startTime: pids.startTime, ...started };
    return supervision === "gone" && folder.exit() === undefined ? { ...live, ...lost } : live;
  }
  if (supervision === "none") return stopped;
  const since = folder.exit(); // it may have been written since
  return since === undefined ? { ...stopped, ...lost } : { ...stopped, exit: since };
}

/** `none`: its caller waits for it. */
function supervisionOf(pids: MonitorPids): "watched" | "gone" | "none" {
  if (pids.monitor === 0) return "none";
  return isAlive(pids.monitor, pids.monitorStartTime) || isAlive(pids.keeper ?? 0, pids.keeperStartTime ?? 0) ? "watched" : "gone";
}

/** The folder may be going this very moment. */
function timeOf(folder: Folder): Date {
  return statSync(folder.path, { throwIfNoEntry: false })?.mtime ?? new Date();
}

function liveStatus(startedAt: string | undefined, groups: Groups | undefined): ProcessStatus {
  if (startedAt === undefined) return "created";
  return groups !== undefined && isFrozen(groups) ? "paused" : "running";
}

export function isFrozen(groups: Groups): boolean {
  const folder = controllerFolder(groups, "freezer");
  if (folder === undefined) return false;
  try {
    const text = readFileSync(`${folder}/${groups.version === 1 ? "freezer.state" : "cgroup.freeze"}`, "utf8").trim();
    return text !== "THAWED" && text !== "0";
  } catch {
    return false; // its group is being removed
  }
}
