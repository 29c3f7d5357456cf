/** strata pause CONTAINER…: freezes every process of it. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { forEach } from "../containers/each.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Freeze all processes of containers")
    .argument("<container...>")
    .action(async (names: readonly string[]) => {
      const engine = await context.engine();
      await forEach(context, names, async (name) => await engine.pause(name));
    });
}
