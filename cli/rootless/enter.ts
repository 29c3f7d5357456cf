/** An ordinary user's command runs itself again as root of their user namespace: there it may own an image's files, mount and make namespaces. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Context } from "../context.ts";
import { EXIT, ExitError } from "../errors.ts";
import { holdNamespace } from "./hold.ts";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/** Its exit status. */
export async function runInNamespace(context: Context, words: readonly string[]): Promise<number> {
  const { root, runRoot, programs, self, env } = context;
  const { holder, lock } = await holdNamespace(runRoot, programs.minder, (text) => void context.stderr.write(`strata: warning: ${text}\n`));
  const child = spawn(programs.minder, ["enter", holder, ...self, ...words], {
    stdio: ["inherit", "inherit", "inherit", lock.fd],
    env: { ...env, STRATA_ROOT: root, STRATA_RUN_ROOT: runRoot },
  });
  for (const name of FORWARDED) process.on(name, () => void child.kill(name)); // a terminal tells both of us: the second time is no harm
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (error) => reject(new ExitError(EXIT.strata, `Cannot enter the user namespace: ${error.message}`)));
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  lock[Symbol.dispose](); // the child has it until it is inside
  return await ended;
}
