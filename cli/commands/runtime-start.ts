/** strata-runtime start ID */
import { Command } from "commander";
import type { OpenOci } from "../oci/context.ts";

export function command(open: OpenOci): Command {
  return new Command()
    .description("Let a created container's program go")
    .argument("<id>")
    .action(async (id: string) => {
      const { processes } = await open();
      await processes.start(id);
    });
}
