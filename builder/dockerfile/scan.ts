/**
 * Text into logical lines: comments dropped, continuations joined, heredoc bodies taken off.
 * Own scanner: dockerfile-ast's split loses instructions after a quoted `<<`. Spec: Dockerfile reference, "Format", "Escape", "Here-documents".
 */
import { BuilderError } from "../errors.ts";
import { endsHeredoc, heredocsOf, type HeredocStart } from "./heredoc.ts";
import type { Directives, Heredoc, Place, Warning } from "./instruction.ts";

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

export function sourceLines(text: string): string[] {
  return text
    .replace(/^\uFEFF/, "")
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => line.replace(/\r$/, ""));
}

/** @throws {ScanFailure} */
export function scan(lines: readonly string[], escape: Directives["escape"]): Scan {
  const instructions: RawInstruction[] = [];
  const warnings: Warning[] = [];
  let at = 0;
  while (at < lines.length) {
    if (isSkipped(lines[at] ?? "")) {
      at++;
      continue;
    }
    const start = at + 1;
    const logical = joinLines(lines, at, escape);
    at = logical.next;
    const text = logical.text.trim();
    if (text === "") continue;
    if (logical.gaps) warnings.push({ rule: "NoEmptyContinuation", message: "Empty continuation line", place: { start, end: at } });
    const heredocs = takesHeredocs(text) ? readBodies(lines, at, start, heredocsOf(text)) : { bodies: [], next: at };
    at = heredocs.next;
    const [, keyword = "", rest = ""] = /^(\S+)\s*([^]*)$/.exec(text) ?? [];
    instructions.push({ keyword: keyword.toUpperCase(), rest, text, heredocs: heredocs.bodies, place: { start, end: at }, escape });
  }
  return { instructions, warnings };
}

export function isSkipped(line: string): boolean {
  const trimmed = line.trimStart();
  return trimmed === "" || trimmed.startsWith("#");
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
    const line = lines[at] ?? "";
    if (Buffer.byteLength(line) > MAX_LINE_BYTES) throw tooLong(at + 1);
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

function tooLong(line: number): ScanFailure {
  const error = new BuilderError("DOCKERFILE_INVALID", `Cannot read line ${line}: dockerfile line greater than max allowed size of ${MAX_LINE_BYTES}`);
  return new ScanFailure(error, { start: line, end: line });
}

/** Only these three, and ONBUILD of them, and never their exec form. */
function takesHeredocs(text: string): boolean {
  const [, rest] = /^(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s+(?:--\S+\s+)*([^]*)$/i.exec(text) ?? [];
  return rest !== undefined && !rest.startsWith("[");
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
