/** Before and after a run: removes what killed runs left behind. A folder whose owner lives, or is not known, is somebody else's and stays. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeStaleGroups } from "./cgroups.ts";
import { removeHandlers } from "./foreign.ts";
import { isOrphaned } from "./owner.ts";
import { removeUserOf } from "./user.ts";
import { strata, TEST_PREFIX } from "./root.ts";

const PLACES = ["/dev/shm", tmpdir()];

export { sweep as setup, sweep as teardown };

function sweep(): void {
  removeStaleGroups(TEST_PREFIX);
  for (const place of PLACES) {
    for (const name of readdirSync(place)) {
      const folder = join(place, name);
      if (name.startsWith(TEST_PREFIX) && isOrphaned(folder)) remove(folder);
    }
  }
}

function remove(folder: string): void {
  process.stderr.write(`test: ${folder} was left by a run that was killed: removing it\n`);
  const root = join(folder, "root");
  const env = { ...process.env, STRATA_ROOT: root, STRATA_RUN_ROOT: join(folder, "run") };
  for (const pid of processesOf(folder)) kill(pid);
  if (statSync(root, { throwIfNoEntry: false }) !== undefined) {
    attempt(env, "down");
    const containers = attempt(env, "ps", "-aq")
      .split("\n")
      .filter((id) => id !== "");
    if (containers.length > 0) attempt(env, "rm", "-f", "-v", ...containers);
  }
  if (existsSync(join(folder, "work/binfmt/register"))) removeHandlers(join(folder, "work/binfmt"));
  removeUserOf(folder);
  for (const mount of mountsIn(folder).reverse()) execFileSync("umount", ["-l", mount]);
  execFileSync("rm", ["-rf", "--", folder]); // Node gives up on paths longer than PATH_MAX
}

function attempt(env: NodeJS.ProcessEnv, ...args: readonly string[]): string {
  try {
    return execFileSync(process.execPath, [strata, ...args], { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 300_000 });
  } catch {
    return ""; // half a root: what is left of it goes with its folder
  }
}

/** Processes whose command line or environment names the folder. */
function processesOf(folder: string): readonly number[] {
  const names = (pid: string, file: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "latin1").includes(`${folder}/`);
    } catch {
      return false; // ended meanwhile
    }
  };
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.filter((pid) => names(pid, "cmdline") || names(pid, "environ")).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ended meanwhile
  }
}

function mountsIn(folder: string): string[] {
  const targets = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  return targets.filter((target) => target.startsWith(`${folder}/`));
}
