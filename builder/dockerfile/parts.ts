/** An instruction cut into keyword, flags and rest, and the readings that several instructions share. */
import { BuilderError } from "../errors.ts";
import type { Flags } from "./flags.ts";
import type { Command, Directives, Heredoc, Keyword } from "./instruction.ts";
import { jsonWords, plainWords } from "./words.ts";

export interface Parts {
  readonly keyword: Keyword;
  readonly flags: Flags;
  /** What follows the flags. */
  readonly rest: string;
  readonly heredocs: readonly Heredoc[];
  /** The escape character of the file. */
  readonly escape: Directives["escape"];
}

export function parseCommand({ keyword, rest }: Pick<Parts, "keyword" | "rest">): Command {
  const json = jsonWords(rest);
  if (json.kind === "not-strings") throw notStrings(keyword);
  return json.kind === "words" ? { form: "exec", args: json.words } : { form: "shell", text: rest };
}

export function listWords({ keyword, rest }: Pick<Parts, "keyword" | "rest">): readonly string[] {
  const json = jsonWords(rest);
  if (json.kind === "not-strings") throw notStrings(keyword);
  return json.kind === "words" ? json.words : plainWords(rest);
}

export function notStrings(keyword: string): BuilderError {
  return new BuilderError("DOCKERFILE_INVALID", `Cannot read ${keyword}: when using JSON array syntax, arrays must be comprised of strings only`);
}

export function one({ keyword, rest }: Parts): string {
  if (rest === "") throw new BuilderError("DOCKERFILE_INVALID", `Cannot read ${keyword}: it requires exactly one argument`);
  return rest;
}

export function some(parts: Parts, words: readonly string[]): readonly string[] {
  if (words.length === 0) throw new BuilderError("DOCKERFILE_INVALID", `Cannot read ${parts.keyword}: it requires at least one argument`);
  return words;
}
