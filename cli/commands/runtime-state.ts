/** strata-runtime state ID: Spec: runtime-spec 1.2, runtime.md, "State". */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import type { OpenOci } from "../oci/context.ts";
import { shownState } from "../oci/shown-state.ts";

export function command(open: OpenOci): Command {
  return new Command()
    .description("Show the state of a container as JSON")
    .argument("<id>")
    .action(async (id: string) => {
      const oci = await open();
      const shown = await shownState(oci, id);
      if (shown === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot show the state of ${id}: container does not exist`);
      oci.context.stdout.write(`${JSON.stringify(shown, undefined, 2)}\n`);
    });
}
