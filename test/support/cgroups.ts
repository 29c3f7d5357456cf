/** Cgroups by name, on a machine where others come and go meanwhile. */
import { readdirSync, rmdirSync, statSync } from "node:fs";
import { basename } from "node:path";

const DEPTH = 6;

/** Every group of this machine with the name in its own. */
export function groupsNamed(name: string, folder = "/sys/fs/cgroup", depth = DEPTH): readonly string[] {
  return foldersIn(folder, depth).flatMap((entry) => [
    ...(entry.includes(name) ? [`${folder}/${entry}`] : []),
    ...groupsNamed(name, `${folder}/${entry}`, depth - 1),
  ]);
}

/** Removes every group whose path holds `name`, children first; members that are still ending get some seconds. */
export async function removeGroupsBelow(name: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (sweep("/sys/fs/cgroup", name, DEPTH) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** With those in it; one that has processes stays. */
export function removeGroup(folder: string): void {
  sweep(folder, folder, DEPTH);
}

/** An hour: a test that runs has made its groups a moment ago. */
const STALE_MS = 3_600_000;

/** Groups of tests that were killed long ago: nobody is in them. Those of others have other names. */
export function removeStaleGroups(prefix: string, now = Date.now()): void {
  for (const folder of groupsNamed(prefix)) {
    const made = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
    if (made !== undefined && now - made > STALE_MS && basename(folder).startsWith(prefix)) removeGroup(folder);
  }
}

/** @returns how many are left */
function sweep(folder: string, name: string, depth: number): number {
  const left = foldersIn(folder, depth).reduce((sum, entry) => sum + sweep(`${folder}/${entry}`, name, depth - 1), 0);
  if (!folder.includes(name)) return left;
  try {
    rmdirSync(folder);
    return left;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? left : left + 1;
  }
}

function foldersIn(folder: string, depth: number): readonly string[] {
  if (depth === 0) return [];
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return []; // it has just gone
  }
}
