/** Who made a throw-away folder: a process id with its start time, which together name a process for good. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = "owner";

export function own(folder: string): void {
  writeFileSync(join(folder, FILE), `${process.pid} ${startTime(process.pid) ?? ""}`);
}

/** False also for a folder without an owner's file. */
export function isOwned(folder: string): boolean {
  try {
    const [pid = "", start] = readFileSync(join(folder, FILE), "utf8").split(" ");
    return startTime(Number(pid)) === start;
  } catch {
    return false;
  }
}

/** Field 22 of /proc/PID/stat, counted behind the program's name, which may hold spaces. Undefined for none or a zombie. */
function startTime(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop()?.split(" ") ?? [];
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
