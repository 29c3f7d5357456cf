/** strata diff CONTAINER: A added, C changed, D deleted. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Show what a container changed")
    .argument("<container>")
    .addOption(jsonOutput())
    .action(async (name: string, flags: { readonly output?: string }) => {
      const engine = await context.engine();
      const changes = await engine.diff(name);
      context.stdout.write(flags.output === "json" ? `${JSON.stringify(changes, null, 2)}\n` : changes.map(({ kind, path }) => `${kind} ${path}\n`).join(""));
    });
}
