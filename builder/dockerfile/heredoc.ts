/** Heredocs of RUN, COPY and ADD: `<<WORD`, `<<-WORD`, `<<"WORD"`, `3<<WORD`. Spec: Dockerfile reference, "Here-documents". */
import type { Heredoc } from "./instruction.ts";
import { shellWords } from "./words.ts";

export type HeredocStart = Omit<Heredoc, "body">;

const WORD = /^(\d*)<<(-?)\s*([^<]*)$/;

/** The heredocs that a logical line opens, in order; quoted text opens none. */
export function heredocsOf(line: string): readonly HeredocStart[] {
  if (!line.includes("<<")) return [];
  const words = shellWords(line, "\\");
  return words.flatMap((word, at) => parseHeredoc(word) ?? parseSpaced(word, words[at + 1]) ?? []);
}

/** `<< WORD`; a shift in arithmetic looks alike, so the word must look like a name. */
function parseSpaced(word: string, next: string | undefined): HeredocStart | undefined {
  return /^\d*<<-?$/.test(word) && next !== undefined && /^["']?[A-Za-z_][\w.-]*["']?$/.test(next) ? parseHeredoc(word + next) : undefined;
}

/** Undefined when the word is no heredoc. */
export function parseHeredoc(word: string): HeredocStart | undefined {
  const match = WORD.exec(word);
  if (match === null) return undefined;
  const [, digits = "", dash, rest = ""] = match;
  const found = unquote(rest);
  if (found === undefined || found.text === "") return undefined;
  return { name: found.text, chomp: dash === "-", expand: !found.isQuoted, descriptor: digits === "" ? undefined : Number(digits) };
}

/** True when `line` ends the heredoc. */
export function endsHeredoc(start: HeredocStart, line: string): boolean {
  const text = line.replace(/\r+$/, "");
  return (start.chomp ? text.replace(/^\t+/, "") : text) === start.name;
}

export function chomp(body: string): string {
  return body.replace(/^\t+/gm, "");
}

/** Undefined when it is more than one word. An escape quotes nothing: BuildKit expands such a body. */
function unquote(word: string): { readonly text: string; readonly isQuoted: boolean } | undefined {
  let out = "";
  let quote = "";
  let isQuoted = false;
  for (let i = 0; i < word.length; i++) {
    const char = word[i] ?? "";
    if (quote === "" && /\s/.test(char)) return undefined;
    if (char === "\\" && quote !== "'") out += word[++i] ?? "";
    else if (quote !== "" ? char === quote : char === "'" || char === '"') [quote, isQuoted] = [quote === "" ? char : "", true];
    else out += char;
  }
  return quote === "" ? { text: out, isQuoted } : undefined;
}
