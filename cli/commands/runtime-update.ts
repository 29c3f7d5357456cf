/** strata-runtime update ID: changes limits while the container runs. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import type { Resources } from "../../runtime/spec.ts";
import type { OpenOci } from "../oci/context.ts";

export function command(open: OpenOci): Command {
  return new Command()
    .description("Change the limits of a running container")
    .requiredOption("-r, --resources <file>", "linux.resources as JSON; - is standard input")
    .argument("<id>")
    .action(async (id: string, { resources }: { readonly resources: string }) => {
      const { processes } = await open();
      await processes.update(id, JSON.parse(readFileSync(resources === "-" ? 0 : resources, "utf8")) as Resources);
    });
}
