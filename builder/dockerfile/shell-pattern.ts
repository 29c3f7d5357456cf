/** Patterns of `${v#p}`, `${v%p}`, `${v/p/r}`: `*` and `?` only; `\` escapes those two, itself, `/` and `}`. */
import { globSource, type GlobToken } from "../context/glob.ts";
import { BuilderError } from "../errors.ts";

export function trimPrefix(value: string, pattern: string, longest: boolean): string {
  const match = new RegExp(`^${toRegExp(pattern, longest)}`, "su").exec(value);
  return match === null ? value : value.slice(match[0].length);
}

/** The shortest (or longest) tail that matches; a regular expression would prefer the leftmost, so tails are tried in order. */
export function trimSuffix(value: string, pattern: string, longest: boolean): string {
  const whole = new RegExp(`^${toRegExp(pattern, true)}$`, "su");
  const starts = Array.from({ length: value.length + 1 }, (_, index) => (longest ? index : value.length - index));
  const start = starts.find((index) => whole.test(value.slice(index)));
  return start === undefined ? value : value.slice(0, start);
}

export function replaceMatches(value: string, pattern: string, replacement: string, all: boolean): string {
  return value.replace(new RegExp(toRegExp(pattern, true), all ? "gsu" : "su"), () => replacement);
}

function toRegExp(pattern: string, greedy: boolean): string {
  const tokens: GlobToken[] = [];
  const chars = Array.from(pattern);
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? "";
    if (char === "*") tokens.push({ kind: "star", source: "" });
    else tokens.push({ kind: "plain", source: char === "?" ? "." : char === "\\" ? escaped(chars[++at], pattern) : quote(char) });
  }
  return globSource(tokens, ".", greedy);
}

function escaped(char: string | undefined, pattern: string): string {
  if (char === undefined || !"*?\\/}".includes(char)) {
    throw new BuilderError("SUBSTITUTION_FAILED", `Cannot read pattern ${JSON.stringify(pattern)}: invalid escape '\\${char ?? ""}'`);
  }
  return quote(char);
}

function quote(char: string): string {
  return /[$()*+./?[\\\]^{|}]/.test(char) ? `\\${char}` : char;
}
