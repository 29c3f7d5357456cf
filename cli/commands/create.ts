/** strata create IMAGE [COMMAND]: a container that is not started yet. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { addContainerFlags, type ContainerFlags } from "../containers/container-flags.ts";
import { prepareContainer } from "../containers/prepare.ts";

export function command(context: Context): Command {
  return addContainerFlags(new Command())
    .description("Create a container without starting it")
    .helpOption("--help", "show help")
    .argument("<image>")
    .argument("[command...]")
    .passThroughOptions()
    .action(async (image: string, words: readonly string[], flags: ContainerFlags) => {
      const { record } = await prepareContainer(context, image, words, flags);
      context.stdout.write(`${record.id}\n`);
    });
}
