/** Parser directives: `# name=value` lines at the very top. An unknown one, or any other line, ends them. */
import { BuilderError } from "../errors.ts";
import type { Directives } from "./instruction.ts";

const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const KNOWN = new Set(["syntax", "escape", "check"]);

/** @throws {BuilderError} `DOCKERFILE_INVALID` for a repeated directive or an escape that is neither backslash nor backtick. */
export function parseDirectives(lines: readonly string[]): Directives {
  const found = new Map<string, string>();
  for (const line of lines) {
    const [, name = "", value = ""] = DIRECTIVE.exec(line.trimStart()) ?? [];
    const key = name.toLowerCase();
    if (!KNOWN.has(key)) break;
    if (found.has(key)) throw new BuilderError("DOCKERFILE_INVALID", `Cannot read the parser directives: only one ${key} directive can be used`);
    found.set(key, value);
  }
  const escape = found.get("escape") ?? "\\";
  if (escape !== "\\" && escape !== "`") {
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot use ${JSON.stringify(escape)} as the escape character: it is neither \` nor \\`);
  }
  const syntax = found.get("syntax");
  const check = found.get("check");
  return { escape, ...(syntax === undefined ? {} : { syntax }), ...(check === undefined ? {} : { check }) };
}

/** How many lines at the top are directives; what looks like a comment after them is one. */
export function directiveLines(lines: readonly string[]): number {
  const end = lines.findIndex((line) => !KNOWN.has((DIRECTIVE.exec(line.trimStart())?.[1] ?? "").toLowerCase()));
  return end < 0 ? lines.length : end;
}
