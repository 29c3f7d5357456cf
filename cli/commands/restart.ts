/** strata restart CONTAINER…: stop, then start. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { forEach } from "../containers/each.ts";
import { parseNumber } from "../containers/sizes.ts";

interface Flags {
  readonly time?: number;
  readonly timeout?: number;
  readonly signal?: string;
}

export function command(context: Context): Command {
  return new Command()
    .description("Restart containers")
    .option("-t, --time <seconds>", "patience before it is killed", parseNumber)
    .option("--timeout <seconds>", "the same as --time", parseNumber)
    .option("-s, --signal <signal>", "what asks it to end")
    .argument("<container...>")
    .action(async (names: readonly string[], flags: Flags) => {
      const engine = await context.engine();
      const timeout = flags.time ?? flags.timeout;
      await forEach(context, names, async (name) => {
        await engine.restart(name, { ...(timeout !== undefined && { timeout }), ...(flags.signal !== undefined && { signal: flags.signal }) });
      });
    });
}
