/** Cgroups by name, on a machine where others come and go meanwhile. */
import { readdirSync, rmdirSync } from "node:fs";

const DEPTH = 6;

/** Every group of this machine with the name in its own. */
export function groupsNamed(name: string, folder = "/sys/fs/cgroup", depth = DEPTH): readonly string[] {
  return foldersIn(folder, depth).flatMap((entry) => [
    ...(entry.includes(name) ? [`${folder}/${entry}`] : []),
    ...groupsNamed(name, `${folder}/${entry}`, depth - 1),
  ]);
}

/** Removes every group whose path holds `name`, children first; members that are still ending get a second. */
export async function removeGroupsBelow(name: string): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    if (sweep("/sys/fs/cgroup", name, DEPTH) === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
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
