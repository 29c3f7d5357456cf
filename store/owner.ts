/** Names for unfinished work: who owns it can be told from the name, and whether that process still lives. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

let own: string | undefined;

/** `<pid>.<start time>.<random>`: pid and start time name a process for good. */
export function ownedName(): string {
  own ??= `${process.pid}.${startTime(process.pid) ?? "0"}`;
  return `${own}.${randomBytes(6).toString("hex")}`;
}

/** True when `name` was made by `ownedName` in a process that is gone. */
export function isAbandoned(name: string): boolean {
  const match = /^(\d+)\.(\d+)\.[0-9a-f]+$/.exec(name);
  return match !== null && startTime(Number(match[1])) !== match[2];
}

/** Field 22 of /proc/PID/stat; the command name before it may hold spaces and brackets. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
