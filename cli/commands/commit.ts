/** strata commit CONTAINER [IMAGE]: its changes as one more layer. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { collect } from "../collect.ts";

interface Flags {
  readonly author?: string;
  readonly message?: string;
  readonly change: readonly string[];
  readonly pause: boolean;
}

export function command(context: Context): Command {
  return new Command()
    .description("Make an image of a container's changes")
    .option("-a, --author <name>", "who made it")
    .option("-m, --message <text>", "a note for the history")
    .option("-c, --change <instruction>", "apply a Dockerfile instruction to the image", collect, [] as readonly string[])
    .option("-p, --pause", "pause it meanwhile", true)
    .option("--no-pause", "do not pause it")
    .argument("<container>")
    .argument("[image]")
    .action(async (container: string, name: string | undefined, flags: Flags) => {
      const engine = await context.engine();
      const image = await engine.commit(container, {
        changes: flags.change,
        pause: flags.pause,
        ...(name !== undefined && { name }),
        ...(flags.author !== undefined && { author: flags.author }),
        ...(flags.message !== undefined && { message: flags.message }),
      });
      context.stdout.write(`${image.id}\n`);
    });
}
