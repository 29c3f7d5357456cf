/** strata builder prune|du|cache-mount: care of the build cache; and build, as docker has it there too. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { collect } from "../collect.ts";
import { standingVerbs } from "../standing-verbs.ts";
import type { Verb } from "../verb.ts";

export async function loadBuilderGroup(words: readonly string[], { build }: Readonly<Record<string, Verb>>): ReturnType<Verb["load"]> {
  const standing = await standingVerbs(words, ["prune", "du", "cache-mount"], { build: build! });
  return {
    command(context: Context): Command {
      const group = careCommands(context);
      for (const command of standing(context)) group.addCommand(command);
      return group;
    },
  };
}

function careCommands(context: Context): Command {
  const group = new Command().description("Look after the build cache and cache mounts");
  const late = async (): Promise<typeof import("../build/care-cache.ts")> => await import("../build/care-cache.ts");
  group
    .command("prune")
    .description("Forget steps of builds, oldest first; what a build at work needs stays")
    .option("-a, --all", "also steps whose layers an image holds")
    .option("-f, --force", "do not ask")
    .option("--filter <until=duration>", "only what was not used for so long: until=24h", collect, [])
    .option("--keep-storage <bytes>", "stop when so much is left")
    .option("--reserved-space <bytes>", "the same")
    .option("--max-used-space <bytes>", "the same")
    .action(async (flags) => await (await late()).prune(context, flags as never));
  group
    .command("du")
    .description("Show what is in the build cache")
    .option("--filter <until=duration>", "only what was not used for so long", collect, [])
    .option("--format <template>", "json, table or a Go template")
    .addOption(jsonOutput())
    .action(async (flags) => await (await late()).du(context, flags as never));
  mountCommands(context, group.command("cache-mount").description("List, save, fill and remove folders of RUN --mount=type=cache"));
  return group;
}

function mountCommands(context: Context, mounts: Command): void {
  const late = async (): Promise<typeof import("../build/care-mounts.ts")> => await import("../build/care-mounts.ts");
  mounts
    .command("ls")
    .alias("list")
    .description("List cache mounts")
    .option("-q, --quiet", "ids only")
    .option("--format <template>", "json, table or a Go template")
    .addOption(jsonOutput())
    .action(async (flags) => await (await late()).list(context, flags as never));
  mounts
    .command("export <id> [file]")
    .description("Write a cache mount's files as a tar, to standard output unless a file is named")
    .action(async (id: string, file: string | undefined) => await (await late()).exportTo(context, id, file));
  mounts
    .command("import <id> <file>")
    .description("Replace a cache mount's files by those of a tar (gz, bz2, xz and zst too); - is standard input")
    .action(async (id: string, file: string) => await (await late()).importFrom(context, id, file));
  mounts
    .command("rm <id...>")
    .alias("remove")
    .description("Remove cache mounts")
    .action(async (ids: readonly string[]) => await (await late()).remove(context, ids));
}
