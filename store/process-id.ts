/** A process named for good: its pid and the time it started at. A pid alone may be another's by now. */
import { readFileSync } from "node:fs";

const STATE = 0; // field 3 of /proc/PID/stat is the first after the name
const START_TIME = 19;

/** Field 22 of /proc/PID/stat; undefined when there is no such process, or only its zombie. */
export function startTimeOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // the name may hold spaces and brackets
    return fields[STATE] === "Z" || fields[STATE] === "X" ? undefined : Number(fields[START_TIME]);
  } catch {
    return undefined;
  }
}

let boot: string | undefined;

/** Of the running kernel: start times are counted anew after each boot. */
export function bootID(): string {
  return (boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim());
}

/** `PID:START`, which stands in files for a process of this boot. */
export function processName(pid: number): string {
  return `${pid}:${startTimeOf(pid) ?? 0}`;
}

/** The pid of what `processName` named, while it lives. */
export function namedProcess(name: string): number | undefined {
  const [pid = 0, startTime = 0] = name.split(":").map(Number);
  return isAlive(pid, startTime) ? pid : undefined;
}

export function isAlive(pid: number, startTime: number): boolean {
  return pid > 0 && startTimeOf(pid) === startTime;
}
