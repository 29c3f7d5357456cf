/** Removes a folder with all in it, whatever programs made of it: Node gives up on paths longer than PATH_MAX, rm does not use whole paths. */
import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";

/** What is not there is removed already. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    removeDeep(path, error);
  }
}

export function removeTreeSync(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    removeDeep(path, error);
  }
}

function removeDeep(path: string, error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENAMETOOLONG") throw error;
  const { spawnSync } = process.getBuiltinModule("node:child_process"); // seldom needed, and every command loads this file
  const { status, stderr } = spawnSync("rm", ["-rf", "--", path], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot remove ${path}: ${stderr?.trim().slice(0, 300)}`, { cause: error });
}
