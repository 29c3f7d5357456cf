/** strata unpause CONTAINER…: lets it go on. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { forEach } from "../containers/each.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Let paused containers go on")
    .argument("<container...>")
    .action(async (names: readonly string[]) => {
      const engine = await context.engine();
      await forEach(context, names, async (name) => await engine.unpause(name));
    });
}
