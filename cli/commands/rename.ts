/** strata rename CONTAINER NAME */
import { Command } from "commander";
import type { Context } from "../context.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Give a container another name")
    .argument("<container>")
    .argument("<name>")
    .action(async (container: string, name: string) => {
      const engine = await context.engine();
      await engine.rename(container, name);
    });
}
