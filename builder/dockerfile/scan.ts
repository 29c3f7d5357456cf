/**
 * Text into logical lines: comments dropped, continuations joined, heredoc bodies taken off.
 * Own scanner: dockerfile-ast's split loses instructions after a quoted `<<`. Spec: Dockerfile reference, "Format", "Escape", "Here-documents".
 */
import { BuilderError } from "../errors.ts";
import { splitFlags } from "./flags.ts";
import { endsHeredoc, heredocsOf, type HeredocStart } from "./heredoc.ts";
import type { Directives, Heredoc, Place, Warning } from "./instruction.ts";
import { jsonWords } from "./words.ts";

/** bufio.MaxScanTokenSize, which BuildKit's scanner keeps. */
export const MAX_LINE_BYTES = 64 * 1024 - 1;

export interface RawInstruction {
  /** Upper case. */
  readonly keyword: string;
  /** After the keyword, trimmed. */
  readonly rest: string;
  readonly text: string;
  readonly heredocs: readonly Heredoc[];
  readonly place: Place;
  readonly escape: Directives["escape"];
  readonly comments?: readonly string[];
}

export interface Scan {
  readonly instructions: readonly RawInstruction[];
  readonly warnings: readonly Warning[];
}

/** What a scan failed on, with the lines to show. */
export class ScanFailure extends Error {
  readonly error: BuilderError;
  readonly place: Place;

  constructor(error: BuilderError, place: Place) {
    super(error.message);
    this.error = error;
    this.place = place;
  }
}

/** Carriage returns stay: only a heredoc keeps them. */
export function sourceLines(text: string): string[] {
  return text
    .replace(/^\uFEFF/, "")
    .replace(/\n$/, "")
    .split("\n");
}

/** @throws {ScanFailure} */
export function scan(lines: readonly string[], escape: Directives["escape"]): Scan {
  const instructions: RawInstruction[] = [];
  const warnings: Warning[] = [];
  const long = lines.findIndex(isTooLong);
  if (long >= 0) throw tooLong(long + 1);
  let comments: string[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    if (isSkipped(line)) {
      comments = isComment(line) ? withComment(comments, line) : comments;
      at++;
      continue;
    }
    const start = at + 1;
    const logical = joinLines(lines, at, escape);
    at = logical.next;
    const text = logical.text.trim();
    if (text === "") continue;
    if (logical.gaps) warnings.push({ rule: "NoEmptyContinuation", message: "Empty continuation line", place: { start, end: at } });
    const heredocs = takesHeredocs(text, escape) ? readBodies(lines, at, start, heredocsOf(text)) : { bodies: [], next: at };
    at = heredocs.next;
    const { keyword, rest } = splitKeyword(text);
    const above = comments.length === 0 ? {} : { comments };
    instructions.push({ keyword: keyword.toUpperCase(), rest, text, heredocs: heredocs.bodies, place: { start, end: at }, escape, ...above });
    comments = [];
  }
  return { instructions, warnings };
}

/** Only these blanks end a keyword: others, as a no-break space, are part of it. */
export function splitKeyword(text: string): { readonly keyword: string; readonly rest: string } {
  const [, keyword = "", rest = ""] = /^([^\t\v\f\r\n ]+)\s*([^]*)$/.exec(text) ?? [];
  return { keyword, rest };
}

export function isSkipped(line: string): boolean {
  return line.trimStart() === "" || isComment(line);
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith("#");
}

function withComment(before: readonly string[], line: string): string[] {
  const text = line.trimStart().slice(1).trim();
  return text === "" ? [] : [...before, text];
}

/** What a line ends with that goes on in the next one. */
export function continuationOf(escape: Directives["escape"]): RegExp {
  return escape === "`" ? /([^`])`[ \t]*$|^`[ \t]*$/ : /([^\\])\\[ \t]*$|^\\[ \t]*$/;
}

interface LogicalLine {
  readonly text: string;
  readonly next: number;
  /** There were blank lines between the continued ones. */
  readonly gaps: boolean;
}

function joinLines(lines: readonly string[], from: number, escape: Directives["escape"]): LogicalLine {
  const continuation = continuationOf(escape);
  let text = "";
  let gaps = false;
  for (let at = from; at < lines.length; at++) {
    const line = (lines[at] ?? "").replace(/\r+$/, "");
    if (at > from && isSkipped(line)) {
      gaps ||= line.trim() === "";
      continue;
    }
    const part = at === from ? line.trimStart() : line;
    if (!continuation.test(part)) return { text: text + part, next: at + 1, gaps };
    text += part.replace(continuation, "$1");
  }
  return { text, next: lines.length, gaps };
}

function isTooLong(line: string): boolean {
  return line.length > MAX_LINE_BYTES / 3 && Buffer.byteLength(line) > MAX_LINE_BYTES; // at most three bytes a unit
}

function tooLong(line: number): ScanFailure {
  const error = new BuilderError("DOCKERFILE_INVALID", `Cannot read line ${line}: dockerfile line greater than max allowed size of ${MAX_LINE_BYTES}`);
  return new ScanFailure(error, { start: line, end: line });
}

/** Only these three, and ONBUILD of them, and never their exec form. */
function takesHeredocs(text: string, escape: Directives["escape"]): boolean {
  if (!text.includes("<<")) return false;
  const [, rest] = /^(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s+([^]*)$/i.exec(text) ?? [];
  return rest !== undefined && jsonWords(splitFlags(rest, escape).rest).kind !== "words";
}

function readBodies(
  lines: readonly string[],
  from: number,
  start: number,
  heredocs: readonly HeredocStart[],
): { readonly bodies: readonly Heredoc[]; readonly next: number } {
  let at = from;
  const bodies = heredocs.map((heredoc) => {
    const first = at;
    while (at < lines.length && !endsHeredoc(heredoc, lines[at] ?? "")) at++;
    if (at >= lines.length) {
      const error = new BuilderError("DOCKERFILE_INVALID", `Cannot find the end of heredoc ${heredoc.name}: the file ends before a line '${heredoc.name}'`);
      throw new ScanFailure(error, { start, end: start });
    }
    const body = lines
      .slice(first, at)
      .map((line) => `${line}\n`)
      .join("");
    at++;
    return { ...heredoc, body };
  });
  return { bodies, next: at };
}
