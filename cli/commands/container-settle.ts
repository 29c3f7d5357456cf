/** strata container-settle ID: what the monitor runs when a container has ended. Not for people. */
import { Command } from "commander";
import { isMade } from "../../store/layout.ts";
import type { Context } from "../context.ts";

export function command(context: Context): Command {
  return new Command().argument("<id>").action(async (id: string) => {
    if (!isMade(context.root)) return; // removed with all that was in it: not to be made anew
    const engine = await context.engine();
    await engine.settle(id);
  });
}
