/** Where a container is in its life, from its folder and the processes that it names. Reads only. */
import { readFileSync, statSync } from "node:fs";
import type { ExitRecord, ProcessState, ProcessStatus } from "../process.ts";
import { controllerFolder, type Groups } from "./cgroup/groups.ts";
import type { Folder, Recorded } from "./folder.ts";
import { isAlive } from "../../store/process-id.ts";

const KILLED = 137;

export function stateOf(folder: Folder, id: string): ProcessState | undefined {
  const recorded = folder.recorded();
  if (recorded === undefined) return undefined;
  const { annotations } = recorded.spec;
  return {
    ...lifeOf(folder, id, recorded),
    ...(recorded.bundle !== undefined && { bundle: recorded.bundle }),
    ...(annotations !== undefined && { annotations }),
  };
}

function lifeOf(folder: Folder, id: string, recorded: Recorded): ProcessState {
  const pids = folder.pids();
  const exit = folder.exit();
  const startedAt = folder.startedAt();
  const started = startedAt === undefined ? {} : { startedAt };
  if (exit !== undefined) return { id, status: "stopped", pid: 0, startTime: 0, ...started, exit };
  if (pids === undefined && isAlive(recorded.maker.pid, recorded.maker.startTime)) return { id, status: "creating", pid: 0, startTime: 0 };
  if (pids === undefined) return { id, status: "stopped", pid: 0, startTime: 0, exit: lostExit(folder) };
  // Until its record is there, a monitor that lives is still draining the program's output.
  const alive = isAlive(pids.pid, pids.startTime) || isAlive(pids.monitor, pids.monitorStartTime);
  if (!alive) return { id, status: "stopped", pid: 0, startTime: 0, ...started, ...(pids.monitor !== 0 && { exit: lostExit(folder) }) };
  return { id, status: liveStatus(startedAt, recorded.groups), pid: pids.pid, startTime: pids.startTime, ...started };
}

/** A monitor that left no record was killed, and init with it. The folder may be going this very moment. */
export function lostExit(folder: Folder): ExitRecord {
  return { exitCode: KILLED, signal: 9, oomKilled: false, finishedAt: (statSync(folder.path, { throwIfNoEntry: false })?.mtime ?? new Date()).toISOString() };
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
