/** strata rm CONTAINER…: removes containers, with -v their anonymous volumes. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { forEach } from "../containers/each.ts";
import { refuseFlags } from "../containers/refused-flags.ts";
import { RuntimeError } from "../../runtime/errors.ts";

interface Flags {
  readonly force?: boolean;
  readonly volumes?: boolean;
}

export function command(context: Context): Command {
  return refuseFlags(new Command(), { "-l, --link": "there are no links between containers to remove" })
    .description("Remove containers")
    .option("-f, --force", "kill it first when it runs; no error when there is none")
    .option("-v, --volumes", "remove its anonymous volumes too")
    .argument("<container...>")
    .action(async (names: readonly string[], flags: Flags) => {
      const engine = await context.engine();
      await forEach(context, names, async (name) => {
        try {
          await engine.remove(name, { force: flags.force ?? false, volumes: flags.volumes ?? false });
          return name;
        } catch (error) {
          if (!(flags.force === true && error instanceof RuntimeError && error.code === "CONTAINER_UNKNOWN")) throw error;
          context.stderr.write(`strata: ${error.message}\n`);
          return false;
        }
      });
    });
}
