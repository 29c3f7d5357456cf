/** strata-runtime create ID: everything set up, the program waiting for start. */
import { Command } from "commander";
import type { OpenOci } from "../oci/context.ts";
import { needConsole } from "../oci/console.ts";
import { addCreationFlags, type CreationFlags, readCreation, writePid } from "../oci/creation.ts";

export function command(open: OpenOci): Command {
  return addCreationFlags(new Command().description("Create a container from a bundle"))
    .argument("<id>")
    .action(async (id: string, flags: CreationFlags) => {
      const { processes } = await open();
      const { request, options, isTerminal } = readCreation(id, flags);
      needConsole(isTerminal, true, flags.consoleSocket);
      const { pid } = await processes.create({ ...request, stdio: { kind: "inherit" } }, { ...options, leave: true });
      writePid(flags.pidFile, pid);
    });
}
