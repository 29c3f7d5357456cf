/** strata stop CONTAINER…: asks it to end, and kills it when it does not. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { forEach } from "../containers/each.ts";
import { addStopFlags, type StopFlags, stopOptions } from "../containers/stop-flags.ts";

export function command(context: Context): Command {
  const verb = new Command().description("Stop running containers");
  return addStopFlags(verb, "patience before it is killed; -1 is endless")
    .argument("<container...>")
    .action(async (names: readonly string[], flags: StopFlags) => {
      const engine = await context.engine();
      await forEach(context, names, async (name) => await engine.stop(name, stopOptions(flags)));
    });
}
