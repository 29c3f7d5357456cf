/** Cgroups that a foreign program left below one of our names. */
import { readdirSync, rmdirSync } from "node:fs";

/** Removes every group whose path holds `name`, children first; members that are still ending get a second. */
export async function removeGroupsBelow(name: string): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    if (sweep("/sys/fs/cgroup", name, 6) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** @returns how many are left */
function sweep(folder: string, name: string, depth: number): number {
  const inner = depth === 0 ? [] : readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const left = inner.reduce((sum, entry) => sum + sweep(`${folder}/${entry.name}`, name, depth - 1), 0);
  if (!folder.includes(name)) return left;
  try {
    rmdirSync(folder);
    return left;
  } catch {
    return left + 1;
  }
}
