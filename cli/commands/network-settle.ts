/** strata network-settle: what runs when nobody has been on a network for a while. Not for people. */
import { Command } from "commander";
import { isMade } from "../../store/layout.ts";
import type { Context } from "../context.ts";

export function command(context: Context): Command {
  return new Command().action(async () => {
    if (!isMade(context.root)) return; // removed with all that was in it: not to be made anew
    const engine = await context.engine();
    await engine.networks.removeIdle();
  });
}
