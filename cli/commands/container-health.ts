/** strata container-health ID: what a container's timer runs. Its exit status tells the timer whether the container is still starting. */
import { Command } from "commander";
import { STILL_STARTING } from "../../runtime/engine/health/timer.ts";
import { isMade } from "../../store/layout.ts";
import type { Context } from "../context.ts";

export function command(context: Context): Command {
  return new Command().argument("<id>").action(async (id: string) => {
    if (!isMade(context.root)) return; // removed meanwhile
    const engine = await context.engine();
    const health = await engine.checkHealth(id);
    process.exitCode = health?.status === "starting" ? STILL_STARTING : 0;
  });
}
