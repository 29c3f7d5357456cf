/** strata-runtime create ID: everything set up, the program waiting for start. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import { readBundle } from "../oci/bundle.ts";
import type { OpenOci } from "../oci/context.ts";

interface Flags {
  readonly bundle: string;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
}

export function command(open: OpenOci): Command {
  return new Command()
    .description("Create a container from a bundle")
    .option("-b, --bundle <folder>", "the folder with config.json", ".")
    .option("--pid-file <file>", "write the pid of the container's first process there")
    .option("--console-socket <socket>", "send the terminal's master there")
    .option("--no-pivot", "accepted for others' sake; the root is always pivoted to")
    .option("--preserve-fds <number>", "further descriptors to pass on; only 0 is supported", "0")
    .argument("<id>")
    .action(async (id: string, flags: Flags) => {
      const { processes } = await open();
      const spec = readBundle(flags.bundle);
      const options = { leave: true, bundle: resolve(flags.bundle), ...(flags.consoleSocket !== undefined && { consoleSocket: flags.consoleSocket }) };
      const { pid } = await processes.create({ id, spec, stdio: { kind: "inherit" } }, options);
      if (flags.pidFile !== undefined) writeFileSync(flags.pidFile, String(pid));
    });
}
