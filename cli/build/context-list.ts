/** strata build context ls: which files go into a build, and which line of the ignore file leaves the others out. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { Command } from "commander";
import { listContext, type ContextList, type IgnoredEntry, type ListedEntry } from "../../builder/context/list-context.ts";
import { readIfThere } from "../../builder/context/read-if-there.ts";
import { BuilderError } from "../../builder/errors.ts";
import { printRows } from "../containers/print-rows.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { decimalSize } from "../../store/decimal-size.ts";

interface Flags {
  readonly file?: string;
  readonly ignored?: boolean;
  readonly output?: string;
}

const KEPT = [
  ["SIZE", "size"],
  ["PATH", "path"],
] as const;
const LEFT_OUT = [
  ["SIZE", "size"],
  ["PATTERN", "pattern"],
  ["LINE", "line"],
  ["PATH", "path"],
] as const;

export function contextListCommand(context: Context): Command {
  return new Command()
    .description("List the files that go into a build, with their sizes")
    .argument("[context]", "the folder", ".")
    .option("-f, --file <path>", "the Dockerfile, whose own ignore file counts before .dockerignore")
    .option("--ignored", "list what is left out, and which line of which file leaves it out")
    .addOption(jsonOutput("for programs: both lists and the total"))
    .action(async (folder: string, flags: Flags) => {
      const root = contextRoot(folder);
      const list = listContext(root, ignoreFile(root, folder, flags.file));
      if (flags.output === "json") context.stdout.write(`${JSON.stringify({ context: root, ...list, total: totalOf(list.files) })}\n`);
      else await (flags.ignored === true ? printIgnored(context, list) : printKept(context, list));
    });
}

function contextRoot(folder: string): string {
  const path = resolve(folder);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new BuilderError("CONTEXT_INVALID", `Cannot list ${folder} as a context: it is no folder`);
  return realpathSync(path);
}

/** The one that a build of this Dockerfile would read. */
function ignoreFile(root: string, shown: string, dockerfile: string | undefined): { readonly file: string; readonly text: string } {
  const named = dockerfile === undefined ? [] : [resolve(dockerfile), join(root, dockerfile)];
  const candidates = dockerfile === undefined ? ["Dockerfile", "dockerfile"].map((name) => join(root, name)) : named;
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined && dockerfile !== undefined) throw new BuilderError("CONTEXT_INVALID", `Cannot find ${dockerfile}: there is none in ${shown}`);
  const own = found === undefined ? undefined : readIfThere(`${found}.dockerignore`);
  const file = own === undefined ? join(root, ".dockerignore") : `${found}.dockerignore`;
  return { file: relative(root, file).startsWith("..") ? file : relative(root, file), text: own ?? readIfThere(file) ?? "" };
}

async function printKept(context: Context, { files }: ContextList): Promise<void> {
  await printRows(context, files.map(shown), KEPT, { quiet: false, key: "path", format: undefined });
  const { files: count, bytes } = totalOf(files);
  context.stdout.write(`${count} file${count === 1 ? "" : "s"}, ${decimalSize(bytes)}\n`);
}

async function printIgnored(context: Context, { ignored }: ContextList): Promise<void> {
  const rows = ignored.map((entry: IgnoredEntry) => ({ ...shown(entry), pattern: entry.pattern, line: `${entry.file}:${entry.line}` }));
  await printRows(context, rows, LEFT_OUT, { quiet: false, key: "path", format: undefined });
}

/** Names are bytes, and a terminal obeys some of them. */
function shown({ path, type, size }: ListedEntry): { readonly size: string; readonly path: string } {
  const name = /[\u0000-\u001f\u007f]/.test(path) || !path.isWellFormed() ? JSON.stringify(path) : path;
  return { size: type === "directory" && size === 0 ? "-" : decimalSize(size), path: type === "directory" ? `${name}/` : name };
}

function totalOf(files: readonly ListedEntry[]): { readonly files: number; readonly bytes: number } {
  const kept = files.filter(({ type }) => type !== "directory");
  return { files: kept.length, bytes: kept.reduce((sum, { size }) => sum + size, 0) };
}
