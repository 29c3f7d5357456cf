/** strata wait CONTAINER…: prints each one's exit code when it has ended. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { forEach } from "../containers/each.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Wait until containers end and print their exit codes")
    .argument("<container...>")
    .action(async (names: readonly string[]) => {
      const engine = await context.engine();
      await forEach(context, names, async (name) => String((await engine.wait(name, { signal: context.signal })).exitCode));
    });
}
