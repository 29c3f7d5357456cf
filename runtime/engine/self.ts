/** This very process, named for good by its pid and start time. */
import { readFileSync } from "node:fs";

export interface ProcessName {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat. */
  readonly startTime: number;
}

export function ownProcess(): ProcessName {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? 0 };
}

export function isAlive(name: ProcessName): boolean {
  return startTimeOf(name.pid) === name.startTime;
}

function startTimeOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return undefined;
  }
}
