/** strata build: Dockerfile → image. `build history` looks back, `build context ls` tells what would go in. */
import { Command, type ParseOptions } from "commander";
import type { Context } from "../context.ts";
import { defineFlags, type BuildFlags } from "../build/flags.ts";

const CONTEXT_VERBS: readonly string[] = ["ls", "--help", "-h"];
const HISTORY_VERBS: readonly string[] = ["ls", "inspect", "logs", "rm", "help", "--help", "-h"];
const OTHER_VERBS = `
strata build context ls [CONTEXT] lists what goes in, and with --ignored what is left out and by which line.
strata build history ls|inspect|logs|rm lists past builds, what they printed, and how they ended.`;

export function command(context: Context): Command {
  const build = defineFlags(
    new BuildCommand(context)
      .description("Build an image from a Dockerfile")
      .argument("<context>", "folder, git repository (URL[#REF[:FOLDER]]), URL of a tar or Dockerfile, or - for a Dockerfile or tar on stdin")
      .addHelpText("after", OTHER_VERBS),
  ).action(async (folder: string, flags: BuildFlags) => {
    const { runBuild } = await import("../build/run-build.ts");
    await runBuild(context, folder, flags);
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

/** A folder may be called `context` or `history`: only both words together, which are no build, are another verb. */
class BuildCommand extends Command {
  readonly #context: Context;

  constructor(context: Context) {
    super();
    this.#context = context;
  }

  override async parseAsync(argv: readonly string[] = [], options?: ParseOptions): Promise<this> {
    const [first, second = ""] = argv;
    if (first === "context" && CONTEXT_VERBS.includes(second)) {
      const { contextListCommand } = await import("../build/context-list.ts");
      await contextListCommand(this.#context)
        .exitOverride()
        .name("strata build context ls")
        .parseAsync(argv.slice(second === "ls" ? 2 : 1), options);
    } else if (first === "history" && HISTORY_VERBS.includes(second)) {
      const { historyCommand } = await import("../build/history.ts");
      await historyCommand(this.#context).parseAsync(argv.slice(1), { from: "user" });
    } else await super.parseAsync(argv, options);
    return this;
  }
}
