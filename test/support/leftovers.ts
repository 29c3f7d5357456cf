/** What a root may have left on the machine after everything in it was removed. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { TemporaryRoot } from "./root.ts";

/** Mounts and processes that still name the root's folders. */
export function leftovers(root: TemporaryRoot): readonly string[] {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(root.root) || line.includes(root.runRoot));
  const processes = execFileSync("ps", ["-eo", "pid,stat,args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(root.root) || line.includes(root.runRoot));
  return [...mounts, ...processes];
}
