/** An ordinary user's command runs itself again as root of their user namespace: there it may own an image's files, mount and make namespaces. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import type { Context } from "../context.ts";
import { EXIT, ExitError } from "../errors.ts";
import { PROXIED_SIGNALS } from "../proxied-signals.ts";
import { holdNamespace } from "./hold.ts";

/** What a key of the terminal sends to its whole foreground group. */
const OF_KEYS: ReadonlySet<string> = new Set(["SIGINT", "SIGQUIT"]);

/** Its exit status. */
export async function runInNamespace(context: Context, words: readonly string[]): Promise<number> {
  const { root, runRoot, programs, self, env } = context;
  const { holder, lock } = await holdNamespace(runRoot, programs.minder, (text) => void context.stderr.write(`strata: warning: ${text}\n`));
  const child = spawn(programs.minder, ["enter", holder, ...self, ...words], {
    stdio: ["inherit", "inherit", "inherit", lock.fd],
    env: { ...env, STRATA_ROOT: root, STRATA_RUN_ROOT: runRoot, ...(env["STRATA_EXTRA_CA_CERTS"] === undefined ? {} : { NODE_EXTRA_CA_CERTS: "" }) },
  });
  for (const name of PROXIED_SIGNALS) process.on(name, () => void (isToldToo(name) || child.kill(name)));
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (error) => reject(new ExitError(EXIT.strata, `Cannot enter the user namespace: ${error.message}`)));
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  lock[Symbol.dispose](); // the child has it until it is inside
  return await ended;
}

/** The child is in our group and had the signal with us: a second one would end it before it has cleaned up. Spec: proc_pid_stat(5), pgrp and tpgid. */
function isToldToo(name: string): boolean {
  if (!OF_KEYS.has(name)) return false;
  const stat = readFileSync("/proc/self/stat", "latin1");
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return group === foreground;
}
