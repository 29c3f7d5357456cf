/** Runs the commands that are measured: nothing between the clock and the program. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BenchError } from "./errors.ts";

export type RunCommand = (argv: readonly string[], env?: Readonly<Record<string, string>>) => Promise<string>;

/** Certificates that Node loads at each start, before the first line of a program: 50 ms that are the machine's, not strata's. */
const LEFT_OUT = { NODE_EXTRA_CA_CERTS: undefined };

/** Output goes to a file, not through this process. @throws {BenchError} with the end of it when the command fails */
export function commandsIn(folder: string): RunCommand {
  const output = join(folder, "output");
  return async (argv, env = {}) => {
    const fd = openSync(output, "w");
    const [command = "", ...args] = argv;
    const child = spawn(command, args, { stdio: ["ignore", fd, fd], env: { ...process.env, ...LEFT_OUT, ...env } });
    closeSync(fd);
    const status = await new Promise<number | string>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(code ?? signal ?? "?"));
    });
    if (status === 0) return readFileSync(output, "utf8");
    throw new BenchError(`Cannot run ${argv.join(" ")}: it ended with ${status}\n${readFileSync(output, "utf8").slice(-4000)}`);
  };
}
