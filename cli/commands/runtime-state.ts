/** strata-runtime state ID: Spec: runtime-spec 1.2, runtime.md, "State". */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import type { OpenOci } from "../oci/context.ts";

export function command(open: OpenOci): Command {
  return new Command()
    .description("Show the state of a container as JSON")
    .argument("<id>")
    .action(async (id: string) => {
      const { context, processes } = await open();
      const state = await processes.state(id);
      if (state === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot show the state of ${id}: container does not exist`);
      const { status, pid, bundle = "", annotations = {} } = state;
      context.stdout.write(`${JSON.stringify({ ociVersion: "1.2.0", id, status, pid, bundle, annotations }, undefined, 2)}\n`);
    });
}
