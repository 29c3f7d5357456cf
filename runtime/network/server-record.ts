/** Who serves for a container, beside what it serves: `PID:START`. A server follows a killed part of itself with another, but may be killed whole. */
import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { isAlive, startTimeOf } from "../../store/process-id.ts";

/** Whoever reads it finds it whole. */
export async function recordServer(path: string, pid: number): Promise<void> {
  const aside = `${path}.${process.pid}`;
  await writeFile(aside, `${pid}:${startTimeOf(pid) ?? 0}`);
  await rename(aside, path);
}

/** Whether the server that was started last is there. */
export function isServerAlive(path: string): boolean {
  try {
    const [pid = 0, startTime = 0] = readFileSync(path, "latin1").split(":").map(Number);
    return isAlive(pid, startTime);
  } catch {
    return false;
  }
}
