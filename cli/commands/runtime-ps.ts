/** strata-runtime ps ID: the pids of a container. */
import { Command } from "commander";
import type { OpenOci } from "../oci/context.ts";

export function command(open: OpenOci): Command {
  return new Command()
    .description("List the processes of a container")
    .option("-f, --format <format>", "table or json", "table")
    .argument("<id>")
    .action(async (id: string, { format }: { readonly format: string }) => {
      const { context, processes } = await open();
      const pids = await processes.pids(id);
      context.stdout.write(format === "json" ? `${JSON.stringify(pids)}\n` : `PID\n${pids.map((pid) => `${pid}\n`).join("")}`);
    });
}
