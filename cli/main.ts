/** strata VERB …: finds the verb's file, runs it, turns what it throws into an exit status. */
import type { Command } from "commander";
import { restoreAuthorities } from "./authorities-aside.ts";
import { compose, endWithReader } from "./compose.ts";
import { report, said } from "./errors.ts";
import { help } from "./help.ts";
import { sayUsage, usageStatus } from "./usage.ts";
import { VERBS } from "./verbs.ts";
import { visible } from "./visible.ts";

async function main(argv: readonly string[]): Promise<number> {
  const globals = readGlobals(argv);
  const [name, ...rest] = globals.rest;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    endWithReader(process.stdout).write(help());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    const { version } = await import("./version.ts");
    endWithReader(process.stdout).write(`strata version ${version()}\n`);
    return 0;
  }
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) {
    const { unknownVerb } = await import("./unknown-verb.ts");
    const known = Object.keys(VERBS).filter((one) => VERBS[one]?.hidden !== true);
    process.stderr.write(unknownVerb(name, known));
    return 2;
  }
  await using context = compose(globals.root);
  if (process.getuid?.() !== 0 && verb.asUser !== true) {
    const { runInNamespace } = await import("./rootless/enter.ts");
    return await runInNamespace(context, globals.rest);
  }
  const { command } = await verb.load(rest);
  const parser = strict(command(context)).name(`strata ${name}`);
  sayUsage(parser, "strata");
  try {
    await parser.parseAsync(await withPlainBooleans(parser, rest), { from: "user" });
  } catch (error) {
    throw error instanceof Error && error.name === "AbortError" && context.signal.aborted ? context.signal.reason : error;
  }
  return typeof process.exitCode === "number" ? process.exitCode : 0;
}

/** `--rm=true`, as docker takes it. */
async function withPlainBooleans(parser: Command, words: readonly string[]): Promise<readonly string[]> {
  if (!words.some((word) => /^-(?:[a-z]=|.*=(?:true|false|t|f|1|0)$)/i.test(word))) return words;
  const { plainBooleans } = await import("./containers/plain-booleans.ts");
  return plainBooleans(parser, words);
}

/** commander throws instead of ending the process, in groups of verbs too, and does not tell that the default is nothing. */
function strict(command: Command): Command {
  command.commands.forEach(strict);
  const usual = command.createHelp();
  command.configureHelp({ optionDescription: (option) => (isNothing(option.defaultValue) ? option.description : usual.optionDescription(option)) });
  return command.exitOverride();
}

function isNothing(value: unknown): boolean {
  return value === false || (Array.isArray(value) && value.length === 0);
}

function readGlobals(argv: readonly string[]): { readonly root: string | undefined; readonly rest: readonly string[] } {
  const [first, second] = argv;
  if (first === "--root" && second !== undefined) return { root: second, rest: argv.slice(2) };
  if (first?.startsWith("--root=") === true) return { root: first.slice("--root=".length), rest: argv.slice(1) };
  return { root: undefined, rest: argv };
}

restoreAuthorities(process.env);
main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    const words = process.argv.slice(2);
    const { status, text } = report(error, usageStatus(readGlobals(words).rest), words);
    if (text !== "") process.stderr.write(`${visible(said(text))}\n`);
    process.exitCode = status;
  },
);

// Nothing is left to do: Node would now take its heap apart, which takes 2 ms.
process.once("beforeExit", () => process.exit());
