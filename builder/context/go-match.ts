/** Go's filepath.Match for one path element: `*`, `?`, `[a-z]`, `[^a]`, `\c`. `*` matches names that begin with a dot too. */
import { BuilderError } from "../errors.ts";
import { globSource, type GlobToken } from "./glob.ts";

export function hasWildcard(pattern: string): boolean {
  return /[*?[\\]/.test(pattern);
}

/** A test for names without slashes. @throws {BuilderError} `FLAG_INVALID` for a pattern that Go calls malformed */
export function compileMatch(pattern: string): (name: string) => boolean {
  const tokens: GlobToken[] = [];
  const chars = Array.from(pattern);
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? "";
    if (char === "*") tokens.push({ kind: "star", source: "" });
    else if (char === "?") tokens.push(plain("[^/]"));
    else if (char === "[") {
      const set = readSet(chars, at, pattern);
      tokens.push(plain(set.text));
      at = set.end;
    } else if (char === "\\") {
      const next = chars[++at];
      if (next === undefined) throw malformed(pattern);
      tokens.push(plain(quoteRegExp(next)));
    } else tokens.push(plain(quoteRegExp(char)));
  }
  const regexp = new RegExp(`^${globSource(tokens, "[^/]")}$`, "su");
  return (name) => regexp.test(name);
}

function plain(source: string): GlobToken {
  return { kind: "plain", source };
}

/** A set that begins at `start`, and where it ends. @throws {BuilderError} `FLAG_INVALID` */
export function readSet(chars: readonly string[], start: number, pattern: string): { readonly text: string; readonly end: number } {
  let at = start + 1;
  const isNegated = chars[at] === "^";
  if (isNegated) at++;
  let text = "";
  const one = (): string => {
    let char = chars[at++];
    if (char === "\\") char = chars[at++];
    else if (char === "-" || char === "]") char = undefined;
    if (char === undefined) throw malformed(pattern);
    return char;
  };
  do {
    const low = one();
    let high = low;
    if (chars[at] === "-") {
      at++;
      high = one();
    }
    if (low <= high) text += `${quoteInSet(low)}-${quoteInSet(high)}`;
    if (at >= chars.length) throw malformed(pattern);
  } while (chars[at] !== "]");
  return { text: text === "" ? (isNegated ? "[^/]" : "(?!)") : `[${isNegated ? "^/" : ""}${text}]`, end: at };
}

function quoteInSet(char: string): string {
  return /[\\\]^-]/.test(char) ? `\\${char}` : char;
}

export function quoteRegExp(text: string): string {
  return text.replace(/[$()*+./?[\\\]^{|}]/g, "\\$&");
}

function malformed(pattern: string): BuilderError {
  return new BuilderError("FLAG_INVALID", `Cannot read pattern ${JSON.stringify(pattern)}: syntax error in pattern`);
}
