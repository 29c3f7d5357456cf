/** strata-runtime pause ID, resume ID */
import { Command } from "commander";
import type { OpenOci } from "../oci/context.ts";

export function command(open: OpenOci): Command {
  return new Command()
    .description("Freeze all processes of a container")
    .argument("<id>")
    .action(async (id: string) => {
      await (await open()).processes.pause(id);
    });
}

export function resumeCommand(open: OpenOci): Command {
  return new Command()
    .description("Let a frozen container go on")
    .argument("<id>")
    .action(async (id: string) => {
      await (await open()).processes.resume(id);
    });
}
