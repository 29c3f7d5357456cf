/** Instructions that put files in place: COPY, ADD and WORKDIR become steps. */
import { parseMode } from "../copy/file-mode.ts";
import { posix } from "node:path";
import { BuilderError } from "../errors.ts";
import { chomp } from "../dockerfile/heredoc.ts";
import type { Heredoc, InstructionOf } from "../dockerfile/instruction.ts";
import { substitute } from "../dockerfile/substitute.ts";
import type { CopyAction, InlineFile } from "./graph.ts";
import { remoteKind, type RemoteKind } from "./remote-kind.ts";
import type { StageState } from "./stage-state.ts";

export function applyWorkdir(state: StageState, instruction: InstructionOf<"WORKDIR">): void {
  const value = state.expand(instruction.value, instruction);
  const joined = posix.resolve(state.cwd, value);
  const path = /^\/.*\/$/.test(value) && joined !== "/" ? `${joined}/` : joined; // the configuration keeps the trailing slash of an absolute one, as BuildKit's
  state.config.WorkingDir = path;
  if (joined === "/") state.record(`WORKDIR ${path}`);
  else state.addStep({ kind: "workdir", path: joined, user: state.config.User ?? "" }, instruction, `WORKDIR ${path}`);
}

export function applyCopy(state: StageState, instruction: InstructionOf<"COPY" | "ADD">): void {
  const expand = (text: string): string => state.expand(text, instruction);
  const words = instruction.sources.map((source) => (typeof source === "string" ? expand(source) : source));
  const written = expand(instruction.destination);
  const destination = absolute(state.cwd, written);
  if (words.length > 1 && !destination.endsWith("/")) {
    throw new BuilderError(
      "COPY_CONFLICT",
      `Cannot ${instruction.kind} ${words.length} sources to ${destination}: with more than one source the destination must be a folder and end with /`,
    );
  }
  const paths = words.filter((word) => typeof word === "string");
  const kindOf = (word: string): RemoteKind | undefined => (instruction.kind === "ADD" ? remoteKind(word) : undefined);
  const git = paths.filter((word) => kindOf(word) === "git");
  const flags = copyFlags(instruction, expand);
  const action: CopyAction = {
    kind: "copy",
    origin: instruction.from === undefined ? { kind: "context" } : state.scope.from(instruction.from),
    patterns: paths.filter((word) => kindOf(word) === undefined),
    urls: paths.filter((word) => kindOf(word) === "url"),
    ...(git.length === 0 ? {} : { git }),
    ...(new Set(paths.map(kindOf)).size < 2 ? {} : { order: paths }),
    inline: words.filter((word) => typeof word !== "string").map((heredoc) => inlineFile(heredoc, state)),
    destination,
    ...flags,
    exclude: instruction.exclude,
    parents: instruction.parents,
    link: instruction.link,
    ...addOptions(instruction, expand),
  };
  state.addStep(action, instruction, createdBy(instruction.kind, action, words, written));
}

function absolute(cwd: string, destination: string): string {
  const isFolder = destination === "." || destination.endsWith("/") || destination.endsWith("/.");
  const path = posix.resolve(cwd, destination);
  return isFolder && path !== "/" ? `${path}/` : path;
}

function copyFlags(instruction: InstructionOf<"COPY" | "ADD">, expand: (text: string) => string): { readonly chown?: string; readonly chmod?: string } {
  const chown = expand(instruction.chown ?? "") || undefined; // empty is as not given
  const chmod = expand(instruction.chmod ?? "") || undefined;
  if (chmod !== undefined) parseMode(chmod);
  return { ...(chown === undefined ? {} : { chown }), ...(chmod === undefined ? {} : { chmod }) };
}

function inlineFile(heredoc: Heredoc, state: StageState): InlineFile {
  const body = heredoc.chomp ? chomp(heredoc.body) : heredoc.body;
  const content = heredoc.expand ? substitute(body, state.variables(), { escape: "\\", keepQuotes: true }).text : body;
  return { name: heredoc.name, content };
}

function addOptions(instruction: InstructionOf<"COPY" | "ADD">, expand: (text: string) => string): Pick<CopyAction, "unpack" | "checksum" | "keepGitDir"> {
  if (instruction.kind === "COPY") return { unpack: instruction.unpack === true ? "always" : "never" };
  const unpack = instruction.unpack === undefined ? "local" : instruction.unpack ? "always" : "never";
  const checksum = expand(instruction.checksum ?? "");
  return { unpack, ...(checksum === "" ? {} : { checksum }), ...(instruction.keepGitDir ? { keepGitDir: true } : {}) };
}

/** As BuildKit writes it: the words as they are written, files before heredocs, and of the flags these. */
function createdBy(kind: string, { parents, chown, chmod }: CopyAction, words: readonly (string | Heredoc)[], destination: string): string {
  const flags = [...(parents ? ["--parents"] : []), ...(chown === undefined ? [] : [`--chown=${chown}`]), ...(chmod === undefined ? [] : [`--chmod=${chmod}`])];
  const sources = [...words.filter((word) => typeof word === "string"), ...words.flatMap((word) => (typeof word === "string" ? [] : [`<<${word.name}`]))];
  return [kind, ...flags, ...sources, destination, "# buildkit"].join(" ");
}
