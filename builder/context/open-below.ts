/** Folders of a context that somebody else may be changing: opened part by part, never through a link, and read by their descriptor. */
import * as fs from "node:fs";
import { filePath } from "../../store/file-names.ts";

const FOLDER_FLAGS = fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW;

/** As a path: what is below it is looked up from the very folder that was opened, wherever its name leads by now. */
export function placeOf(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** Undefined when it is no folder, or not there. The caller closes. @throws the system's error when it cannot be read */
export function openFolder(parent: string, name: string): number | undefined {
  try {
    return fs.openSync(filePath(name === "" ? parent : `${parent}/${name}`), FOLDER_FLAGS);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** `path` below `root` (a real path), no part of it a link. */
export function openBelow(root: string, path: string): number | undefined {
  let fd = openFolder(root, "");
  for (const name of path === "" ? [] : path.split("/")) {
    if (fd === undefined) return undefined;
    const next: number | undefined = openFolder(placeOf(fd), name);
    fs.closeSync(fd);
    fd = next;
  }
  return fd;
}
