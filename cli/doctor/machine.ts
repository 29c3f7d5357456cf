/** This machine, as the checks look at it. */
import { accessSync, constants, existsSync, readFileSync, readdirSync, statfsSync } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { Machine } from "./check.ts";

export function thisMachine(root: string, path: string): Machine {
  const folders = [...path.split(delimiter), "/usr/sbin", "/sbin"].filter((folder) => folder !== "");
  return {
    isRoot: process.getuid?.() === 0,
    user: thisUser(),
    find: (program) => folders.map((folder) => join(folder, program)).find((file) => may(file, constants.X_OK)),
    read: (file) => attempt(() => readFileSync(file, "utf8")),
    list: (folder) => attempt(() => readdirSync(folder)) ?? [],
    isWritable: (file) => may(file, constants.W_OK),
    rootFolder: fileSystemOf(root),
  };
}

/** A container may run as a user who is in no /etc/passwd. */
function thisUser(): Machine["user"] {
  const id = process.getuid?.() ?? 0;
  return { id, name: attempt(() => userInfo().username) ?? String(id) };
}

function fileSystemOf(root: string): Machine["rootFolder"] {
  let folder = root;
  while (!existsSync(folder)) folder = dirname(folder);
  const { type, bavail, bsize } = statfsSync(folder);
  return { path: root, type, free: bavail * bsize };
}

function may(path: string, mode: number): boolean {
  return attempt(() => accessSync(path, mode) ?? true) === true;
}

function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined; // absent and forbidden are the same to a check
  }
}
