/** What a root may have left on the machine after everything in it was removed. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { rootTag } from "../../runtime/engine/identity.ts";
import type { TemporaryRoot } from "./root.ts";

/** Mounts and processes that still name the root's folders, and what its cluster has in the kernel's network. */
export function leftovers(root: TemporaryRoot): readonly string[] {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(root.root) || line.includes(root.runRoot));
  const processes = execFileSync("ps", ["-eo", "pid,stat,args"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => (line.includes(root.root) || line.includes(root.runRoot)) && !isLingering(line));
  const tag = rootTag(root.root);
  const links = readdirSync("/sys/class/net").filter((name) => name.startsWith(`sv${tag}`));
  const tables = execFileSync("nft", ["list", "tables"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(`strata_${tag}_services`));
  return [...mounts, ...processes, ...links, ...tables];
}

/** Who waits for a bridge to be idle ends with its root, and takes the bridge along. */
export function isLingering(line: string): boolean {
  return line.includes("strata-network linger ");
}
