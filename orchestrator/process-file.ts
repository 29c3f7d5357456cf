/** Which process is the cluster of a root: its pid and start time, so that a later process with the same pid is not taken for it. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clusterFolder } from "./folders.ts";

export function writeProcessFile(root: string): void {
  writeFileSync(pathOf(root), `${process.pid} ${startTime(process.pid)}\n`);
}

export function removeProcessFile(root: string): void {
  rmSync(pathOf(root), { force: true });
}

/** Pid of the live process; undefined when the cluster is down. */
export function readProcessFile(root: string): number | undefined {
  try {
    const [pid = "", started] = readFileSync(pathOf(root), "utf8").trim().split(" ");
    return startTime(Number(pid)) === started ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

function pathOf(root: string): string {
  return join(clusterFolder(root), "process");
}

/** Field 22 of /proc/PID/stat; empty when there is no such process, or only its zombie that nobody has waited for. */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  } catch {
    return "";
  }
}
