/** strata container-settle ID: what the monitor runs when a container has ended. Not for people. */
import { Command } from "commander";
import type { Context } from "../context.ts";

export function command(context: Context): Command {
  return new Command().argument("<id>").action(async (id: string) => {
    const engine = await context.engine();
    await engine.settle(id);
  });
}
