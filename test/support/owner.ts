/** Who made a throw-away folder: a process id with its start time, which together name a process for good. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, startTimeOf } from "../../store/process-id.ts";

const FILE = "owner";

export function own(folder: string): void {
  writeFileSync(join(folder, FILE), `${process.pid} ${startTimeOf(process.pid)}`);
}

/** Its owner is known, and has ended. False for a folder that nobody signed: somebody may have made it by hand, and still use it. */
export function isOrphaned(folder: string): boolean {
  try {
    const [pid = "", start = ""] = readFileSync(join(folder, FILE), "utf8").split(" ");
    return pid !== "" && start !== "" && !isAlive(Number(pid), Number(start));
  } catch {
    return false;
  }
}
