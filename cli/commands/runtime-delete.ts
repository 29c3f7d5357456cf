/** strata-runtime delete ID: a container that has stopped, or any with --force. */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import type { OpenOci } from "../oci/context.ts";

export function command(open: OpenOci): Command {
  return new Command()
    .description("Remove what is left of a container")
    .option("-f, --force", "kill it when it runs; it need not exist")
    .argument("<id>")
    .action(async (id: string, { force = false }: { readonly force?: boolean }) => {
      const { processes } = await open();
      const state = await processes.state(id);
      if (state === undefined && !force) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot delete ${id}: container does not exist`);
      if (state !== undefined && state.status !== "stopped" && !force) throw new RuntimeError("CONTAINER_STATE", `Cannot delete ${id}: it is ${state.status}`);
      await processes.remove(id);
    });
}
