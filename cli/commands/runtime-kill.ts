/** strata-runtime kill ID [SIGNAL] */
import { Command } from "commander";
import type { OpenOci } from "../oci/context.ts";
import { parseSignal } from "../oci/signal.ts";

export function command(open: OpenOci): Command {
  return new Command()
    .description("Send a signal to a container")
    .option("-a, --all", "to all its processes")
    .argument("<id>")
    .argument("[signal]", "number or name", "TERM")
    .action(async (id: string, signal: string, flags: { readonly all?: boolean }) => {
      const { processes } = await open();
      await processes.signal(id, parseSignal(signal), { all: flags.all ?? false });
    });
}
