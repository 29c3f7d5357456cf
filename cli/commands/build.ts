/** strata build: Dockerfile → image. `build history` looks back, `build context ls` tells what would go in. */
import { Command, type ParseOptions } from "commander";
import type { Context } from "../context.ts";
import { defineFlags, type BuildFlags } from "../build/flags.ts";

export function command(context: Context): Command {
  const build = defineFlags(
    new BuildCommand(context)
      .description("Build an image from a Dockerfile")
      .argument("<context>", "folder, git repository (URL[#REF[:FOLDER]]), URL of a tar or Dockerfile, or - for a Dockerfile or tar on stdin")
      .addHelpText("after", "\nstrata build context ls [CONTEXT] lists what goes in, and with --ignored what is left out and by which line."),
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
  return standAlone(build);
}

/** The word after `--debug` is no value of it: `build --debug .` builds this folder, `--debug=bash` names a shell. */
const ALONE: readonly string[] = ["--debug", "--lock"];
/** The word after these is one only where it looks like one, as in `--sbom true .` */
const SWITCHES: readonly string[] = ["--sbom", "--provenance"];
const SWITCH_VALUE = /^(?:1|t|true|0|f|false)$|^[\w-]+=/i;

function standAlone(command: Command): Command {
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (argv) =>
    parse(
      argv.map((word, at) => {
        if (ALONE.includes(word)) return `${word}=`;
        return SWITCHES.includes(word) && !SWITCH_VALUE.test(argv[at + 1] ?? "") ? `${word}=true` : word;
      }),
    );
  return command;
}

/** A folder may be called `context`: only both words together, which are no build, are the other verb. */
class BuildCommand extends Command {
  readonly #context: Context;

  constructor(context: Context) {
    super();
    this.#context = context;
  }

  override async parseAsync(argv: readonly string[] = [], options?: ParseOptions): Promise<this> {
    if (argv[0] !== "context" || !/^(?:ls|-h|--help)$/.test(argv[1] ?? "")) return await super.parseAsync(argv, options);
    const { contextListCommand } = await import("../build/context-list.ts");
    await contextListCommand(this.#context)
      .exitOverride()
      .name("strata build context ls")
      .parseAsync(argv.slice(argv[1] === "ls" ? 2 : 1), options);
    return this;
  }
}
