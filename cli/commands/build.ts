/** strata build: Dockerfile → image. `build history` looks back. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { defineFlags, type BuildFlags } from "../build/flags.ts";

export function command(context: Context): Command {
  const build = defineFlags(
    new Command()
      .description("Build an image from a Dockerfile")
      .argument("<context>", "folder, git repository (URL[#REF[:FOLDER]]), URL of a tar or Dockerfile, or - for a Dockerfile or tar on stdin"),
  )
    .enablePositionalOptions()
    .action(async (folder: string, flags: BuildFlags) => {
      const { runBuild } = await import("../build/run-build.ts");
      await runBuild(context, folder, flags);
    });
  build
    .command("history")
    .description("List past builds, what they printed, and how they ended: ls, inspect, logs, rm")
    .argument("[words...]")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words: readonly string[]) => {
      const { historyCommand } = await import("../build/history.ts");
      await historyCommand(context).parseAsync(words, { from: "user" });
    });
  return standAlone(build, ["--debug", "--lock"]);
}

/** The word after such a flag is no value of it: `build --debug .` builds this folder, `--debug=bash` names a shell. */
function standAlone(command: Command, flags: readonly string[]): Command {
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (argv) => parse(argv.map((word) => (flags.includes(word) ? `${word}=` : word)));
  return command;
}
