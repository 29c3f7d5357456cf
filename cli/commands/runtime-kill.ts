/** strata-runtime kill ID [SIGNAL] */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import type { OpenOci } from "../oci/context.ts";
import { parseSignal } from "../oci/signal.ts";

export function command(open: OpenOci): Command {
  return new Command()
    .description("Send a signal to a container")
    .option("-a, --all", "to all its processes")
    .argument("<id>")
    .argument("[signal]", "number or name", "TERM")
    .action(async (id: string, signal: string, { all = false }: { readonly all?: boolean }) => {
      const { processes } = await open();
      const state = await processes.state(id);
      // containerd and podman know what to do by these words.
      if (state === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot signal ${id}: container does not exist`);
      if (state.status === "stopped" && !all) throw new RuntimeError("CONTAINER_STATE", `Cannot signal ${id}: container not running`);
      await processes.signal(id, parseSignal(signal), { all });
    });
}
