/** strata kill CONTAINER…: sends a signal. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { forEach } from "../containers/each.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Send a signal to running containers")
    .option("-s, --signal <signal>", "which one", "KILL")
    .argument("<container...>")
    .action(async (names: readonly string[], flags: { readonly signal: string }) => {
      const engine = await context.engine();
      await forEach(context, names, async (name) => await engine.kill(name, flags.signal));
    });
}
