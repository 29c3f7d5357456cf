/** The processes of a container that has no groups: those in the pid namespace of its first one, and in namespaces below have their own. */
import { readdirSync, readlinkSync } from "node:fs";

export function processesOf(init: number): readonly number[] {
  const own = pidNamespace(init);
  if (own === undefined) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pidNamespace(pid) === own);
}

function pidNamespace(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined; // it has ended, or is none of ours
  }
}
