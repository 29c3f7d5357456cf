/** Who made a throw-away folder: a process id with its start time, which together name a process for good. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, startTimeOf } from "../../store/process-id.ts";

const FILE = "owner";

export function own(folder: string): void {
  writeFileSync(join(folder, FILE), `${process.pid} ${startTimeOf(process.pid)}`);
}

/** False also for a folder without an owner's file. */
export function isOwned(folder: string): boolean {
  try {
    const [pid = "", start] = readFileSync(join(folder, FILE), "utf8").split(" ");
    return isAlive(Number(pid), Number(start));
  } catch {
    return false;
  }
}
