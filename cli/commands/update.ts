/** strata update CONTAINER…: limits of running containers, and their restart policy. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { addLimitFlags, type ContainerFlags, limitsOf, parseRestart } from "../containers/container-flags.ts";
import { forEach } from "../containers/each.ts";
import { REFUSED_LIMITS, refuseFlags } from "../containers/refused-flags.ts";

export function command(context: Context): Command {
  return refuseFlags(addLimitFlags(new Command()), REFUSED_LIMITS)
    .description("Change the limits of containers")
    .option("--restart <policy>", "no, on-failure[:N], always or unless-stopped")
    .argument("<container...>")
    .action(async (names: readonly string[], flags: Partial<ContainerFlags>) => {
      const engine = await context.engine();
      const restart = flags.restart === undefined ? undefined : parseRestart(flags.restart);
      await forEach(context, names, async (name) => await engine.update(name, limitsOf(flags), restart));
    });
}
