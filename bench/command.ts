/** Runs the commands that are measured: nothing between the clock and the program. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BenchError } from "./errors.ts";

export type RunCommand = (argv: readonly string[], env?: Readonly<Record<string, string>>) => Promise<string>;

/** Certificates that Node loads at each start, before the first line of a program: 50 ms that are the machine's, not strata's. */
const LEFT_OUT = { NODE_EXTRA_CA_CERTS: undefined };

/** Output goes to a file of its own, not through this process: several may run at once. @throws {BenchError} with the end of it when the command fails */
export function commandsIn(folder: string): RunCommand {
  let count = 0;
  return async (argv, env = {}) => {
    const output = join(folder, `output-${count++}`);
    const fd = openSync(output, "w");
    const [command = "", ...args] = argv;
    const child = spawn(command, args, { stdio: ["ignore", fd, fd], env: { ...process.env, ...LEFT_OUT, ...env } });
    closeSync(fd);
    const status = await new Promise<number | string>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(code ?? signal ?? "?"));
    });
    const said = readFileSync(output, "utf8");
    rmSync(output);
    if (status === 0) return said;
    throw new BenchError(`Cannot run ${argv.join(" ")}: it ended with ${status}\n${said.slice(-4000)}`);
  };
}
