/** strata-runtime run ID: create, start, wait, delete; the exit code is the program's. */
import { writeFileSync } from "node:fs";
import { Command } from "commander";
import type { Stdio } from "../../runtime/process.ts";
import { readBundle } from "../oci/bundle.ts";
import type { OpenOci } from "../oci/context.ts";
import { runHere } from "../oci/run-here.ts";

interface Flags {
  readonly bundle: string;
  readonly pidFile?: string;
  readonly detach?: boolean;
}

export function command(open: OpenOci): Command {
  return new Command()
    .description("Create and start a container, and wait for its end")
    .option("-b, --bundle <folder>", "the folder with config.json", ".")
    .option("--pid-file <file>", "write the pid of the container's first process there")
    .option("-d, --detach", "do not wait")
    .argument("<id>")
    .action(async (id: string, flags: Flags) => {
      process.exitCode = await run(open, id, flags);
    });
}

async function run(open: OpenOci, id: string, flags: Flags): Promise<number> {
  const { context, processes } = await open();
  const spec = readBundle(flags.bundle);
  const tty = spec.process?.terminal === true;
  const attach = tty && flags.detach !== true;
  const stdio: Stdio = tty ? { kind: "monitor", stdin: true } : { kind: "inherit" };
  const { state, attachment } = await processes.run({ id, spec, stdio }, { attach });
  if (flags.pidFile !== undefined) writeFileSync(flags.pidFile, String(state.pid));
  if (flags.detach === true) return 0;
  const code = await runHere(context, { attachment, tty, exit: processes.wait(id), signal: async (number) => await processes.signal(id, number) });
  await processes.remove(id);
  return code;
}
