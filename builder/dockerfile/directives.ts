/**
 * Parser directives: `# name=value` lines at the very top. An unknown one, or any other line, ends them.
 * `syntax` and `check` may follow a `#!` line; `syntax` has two more forms. Spec: Dockerfile reference, "Parser directives".
 */
import { BuilderError } from "../errors.ts";
import type { Directives, Place } from "./instruction.ts";
import { ScanFailure } from "./scan.ts";

const FORMS = { "#": /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/, "//": /^\/\/\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/ };
const KNOWN = new Set(["syntax", "escape", "check"]);

export interface FoundDirectives {
  readonly directives: Directives;
  /** Where `syntax` stands, if anywhere. */
  readonly syntaxAt: Place;
  /** So many lines at the top are directives: neither comments nor instructions. */
  readonly count: number;
}

interface Value {
  readonly text: string;
  readonly line: number;
}

/** @throws {ScanFailure} for a repeated directive, or an escape that is neither backslash nor backtick. */
export function parseDirectives(lines: readonly string[]): FoundDirectives {
  const isScript = lines[0]?.startsWith("#!") === true;
  const hashed = readForm(lines, isScript ? 1 : 0, "#");
  const slashed = hashed.size > 0 ? new Map<string, Value>() : readForm(lines, isScript ? 1 : 0, "//");
  const syntax = hashed.get("syntax") ?? slashed.get("syntax") ?? jsonSyntax(lines);
  const check = hashed.get("check");
  const place = syntax === undefined ? { start: 1, end: 1 } : placeOf(syntax);
  return {
    directives: {
      escape: escapeOf(isScript ? undefined : hashed.get("escape")),
      ...(syntax === undefined ? {} : { syntax: syntax.text.split(" ", 1)[0] ?? "" }),
      ...(check === undefined ? {} : { check: check.text }),
    },
    syntaxAt: place,
    count: Math.max(0, ...[...hashed.values(), ...slashed.values()].map(({ line }) => line)),
  };
}

function readForm(lines: readonly string[], from: number, form: keyof typeof FORMS): ReadonlyMap<string, Value> {
  const found = new Map<string, Value>();
  for (let at = from; at < lines.length; at++) {
    const [, name = "", text = ""] = FORMS[form].exec(lines[at]?.trimStart() ?? "") ?? [];
    const key = name.toLowerCase();
    if (!KNOWN.has(key)) break;
    if (found.has(key)) throw failure(at + 1, `Cannot read the parser directives: only one ${key} parser directive can be used`);
    found.set(key, { text, line: at + 1 });
  }
  return found;
}

/** A definition that is JSON names its front end as a member. */
function jsonSyntax(lines: readonly string[]): Value | undefined {
  if (lines[0]?.trimStart().startsWith("{") !== true) return undefined;
  try {
    const value: unknown = JSON.parse(lines.join("\n"));
    const text: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "syntax") : undefined;
    return typeof text === "string" ? { text, line: 1 } : undefined;
  } catch {
    return undefined;
  }
}

function escapeOf(value: Value | undefined): Directives["escape"] {
  const { text, line } = value ?? { text: "\\", line: 1 };
  if (text === "\\" || text === "`") return text;
  throw failure(line, `Cannot use ${JSON.stringify(text)} as the escape character: it is neither \` nor \\`);
}

function placeOf({ line }: Value): Place {
  return { start: line, end: line };
}

function failure(line: number, message: string): ScanFailure {
  return new ScanFailure(new BuilderError("DOCKERFILE_INVALID", message), { start: line, end: line });
}

/** How many lines at the top are directives; what looks like a comment after them is one. */
export function directiveLines(lines: readonly string[]): number {
  return parseDirectives(lines).count;
}
