/** Bytes that a folder takes on disk; a file with several names counts once. What goes meanwhile, or was never made, takes none. */
import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

const BLOCK_BYTES = 512;

export function folderBytes(folder: string): number {
  const seen = new Set<number>();
  const walk = (path: string): number => {
    let bytes = 0;
    for (const entry of entriesOf(path)) {
      const stat = lstatSync(join(path, entry.name), { throwIfNoEntry: false });
      if (stat === undefined || (stat.nlink > 1 && !stat.isDirectory() && seen.has(stat.ino))) continue;
      if (stat.nlink > 1) seen.add(stat.ino);
      bytes += stat.blocks * BLOCK_BYTES + (entry.isDirectory() ? walk(join(path, entry.name)) : 0);
    }
    return bytes;
  };
  return walk(folder);
}

function entriesOf(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return []; // removed since it was listed
    throw error;
  }
}
