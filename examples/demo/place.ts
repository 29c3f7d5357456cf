/** Where the demo works: one folder of its own, and the servers it started, so that a killed demo is cleaned up by the next. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isAlive, startTimeOf } from "../../store/process-id.ts";

export const STRATA = fileURLToPath(new URL("../../../bin/strata.js", import.meta.url));
export const HELLO = fileURLToPath(new URL("../../../examples/hello", import.meta.url));

const FOLDER = join(tmpdir(), "strata-demo");
const PIDS = join(FOLDER, "pids");

/** The registry keeps a store of its own, as one on another machine would: what is pushed and pulled does travel. */
export const REGISTRY_ROOT = join(FOLDER, "registry");

export const ENVIRONMENT: NodeJS.ProcessEnv = {
  ...process.env,
  STRATA_ROOT: join(FOLDER, "root"),
  STRATA_RUN_ROOT: join(FOLDER, "run"),
  DOCKER_CONFIG: join(FOLDER, "docker"),
};

/** @throws when another demo is at work */
export function claim(): void {
  const owner = processes()[0];
  if (owner !== undefined && isAlive(owner.pid, owner.startTime)) throw new Error(`Cannot start the demo: another one is running as process ${owner.pid}`);
  clean();
  mkdirSync(FOLDER, { recursive: true });
  remember(process.pid);
}

/** Notes a process that must not outlive the demo. */
export function remember(pid: number): void {
  writeFileSync(PIDS, `${pid} ${startTimeOf(pid) ?? 0}\n`, { flag: "a" });
}

/** Removes everything the demo made; safe to run at any time. */
export function clean(): void {
  if (!existsSync(FOLDER)) return;
  for (const one of processes()) if (one.pid !== process.pid && isAlive(one.pid, one.startTime)) process.kill(one.pid, "SIGKILL");
  attempt("down");
  const containers = attempt("ps", "-aq")
    .split("\n")
    .filter((id) => id !== "");
  if (containers.length > 0) attempt("rm", "-f", "-v", ...containers);
  rmSync(FOLDER, { recursive: true, force: true });
}

/** Standard output; a failure is told and the clean-up goes on. */
function attempt(...args: readonly string[]): string {
  try {
    return execFileSync(process.execPath, [STRATA, ...args], { env: ENVIRONMENT, encoding: "utf8", stdio: "pipe", timeout: 60_000 }).trim();
  } catch (error) {
    process.stderr.write(`demo: clean-up: strata ${args.join(" ")}: ${String(error)}\n`);
    return "";
  }
}

interface Process {
  readonly pid: number;
  readonly startTime: number;
}

function processes(): readonly Process[] {
  if (!existsSync(PIDS)) return [];
  const lines = readFileSync(PIDS, "utf8").trim().split("\n");
  return lines.map((line) => line.split(" ").map(Number)).map(([pid = 0, startTime = 0]) => ({ pid, startTime }));
}
