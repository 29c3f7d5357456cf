/** Which process is the cluster of a root: its pid and start time, so that a later process with the same pid is not taken for it. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, startTimeOf } from "../store/process-id.ts";
import { clusterFolder } from "./folders.ts";

export function writeProcessFile(root: string): void {
  writeFileSync(pathOf(root), `${process.pid} ${startTimeOf(process.pid)}\n`);
}

export function removeProcessFile(root: string): void {
  rmSync(pathOf(root), { force: true });
}

/** Pid of the live process; undefined when the cluster is down. */
export function readProcessFile(root: string): number | undefined {
  return readProcess(root)?.pid;
}

export interface ClusterProcess {
  readonly pid: number;
  /** Until it has ended, also when it has said that it does. */
  readonly lives: () => boolean;
}

export function readProcess(root: string): ClusterProcess | undefined {
  try {
    const [pid = 0, started = 0] = readFileSync(pathOf(root), "utf8").trim().split(" ").map(Number);
    const lives = (): boolean => isAlive(pid, started);
    return lives() ? { pid, lives } : undefined;
  } catch {
    return undefined;
  }
}

function pathOf(root: string): string {
  return join(clusterFolder(root), "process");
}
