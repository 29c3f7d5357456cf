/**
 * .dockerignore: which paths of a context are left out. The last matching rule wins, a rule for a folder holds for all in it,
 * `!` takes back. Rules after moby/patternmatcher, whose odd corners users rely on. Spec: Docker build reference, ".dockerignore files".
 */
import { posix } from "node:path";
import { BuilderError } from "../errors.ts";
import { globSource, type GlobToken } from "./glob.ts";
import { compileMatch, quoteRegExp } from "./go-match.ts";

interface Rule {
  readonly keeps: boolean;
  readonly matches: (path: string) => boolean;
}

export class IgnoreRules {
  readonly #rules: readonly Rule[];
  /** Some rule takes paths back: then what is below an ignored folder must be looked at. */
  readonly hasExceptions: boolean;
  readonly isEmpty: boolean;

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
    this.isEmpty = rules.length === 0;
    this.hasExceptions = rules.some((rule) => rule.keeps);
  }

  /** For a path looked at alone: its parents' rules are applied too. */
  ignores(path: string): boolean {
    let marks: Marks | undefined;
    let ignored = false;
    for (let end = path.indexOf("/"); ; end = path.indexOf("/", end + 1)) {
      ({ ignored, marks } = this.step(end < 0 ? path : path.slice(0, end), marks));
      if (end < 0) return ignored;
    }
  }

  /** For walks: `parent` is what this gave for the folder that holds `path`. */
  step(path: string, parent?: Marks): { readonly ignored: boolean; readonly marks: Marks } {
    const marks = new Uint8Array(this.#rules.length);
    let ignored = false;
    this.#rules.forEach((rule, index) => {
      const inherited = parent?.[index] === 1;
      if (!inherited && (rule.keeps !== ignored || !rule.matches(path))) return;
      marks[index] = 1;
      ignored = !rule.keeps;
    });
    return { ignored, marks };
  }
}

/** Which rules a folder matched. */
export type Marks = Uint8Array;

export function parseIgnoreFile(text: string): readonly string[] {
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const keeps = line.startsWith("!");
      const cleaned = clean(keeps ? line.slice(1).trim() : line);
      const relative = cleaned.length > 1 && cleaned.startsWith("/") ? cleaned.slice(1) : cleaned;
      return keeps ? `!${relative}` : relative;
    });
}

/** @throws {BuilderError} `CONTEXT_INVALID` */
export function compileRules(patterns: readonly string[]): IgnoreRules {
  const rules = patterns.flatMap((written) => {
    const trimmed = written.trim();
    if (trimmed === "") return [];
    const pattern = clean(trimmed);
    if (pattern === "!") throw new BuilderError("CONTEXT_INVALID", 'Cannot read the ignore rules: illegal exclusion pattern "!"');
    const keeps = pattern.startsWith("!");
    return [{ keeps, matches: compileRule(keeps ? pattern.slice(1) : pattern) }];
  });
  return new IgnoreRules(rules);
}

/** Go's filepath.Clean. */
function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** The four kinds of patternmatcher: a pattern without wildcards is compared, `x/**` is a prefix, `**x` a suffix, others a regular expression. */
function compileRule(pattern: string): (path: string) => boolean {
  pattern.split("/").forEach((element) => compileMatch(element)); // malformed ones are refused as Go refuses them
  const { source, kind } = translate(pattern);
  if (kind === "exact") return (path) => path === pattern;
  if (kind === "prefix") return (path) => path.startsWith(pattern.slice(0, -2));
  if (kind === "suffix") {
    const suffix = pattern.slice(2);
    return (path) => path.endsWith(suffix) || (suffix.startsWith("/") && path === suffix.slice(1));
  }
  const regexp = new RegExp(`^${source}$`, "su");
  return (path) => regexp.test(path);
}

type Kind = "exact" | "prefix" | "suffix" | "regexp";

function translate(pattern: string): { readonly source: string; readonly kind: Kind } {
  const tokens: GlobToken[] = [];
  let kind: Kind = "exact";
  for (let at = 0, count = 0; at < pattern.length; count++) {
    const token = /^(?:\*\*\/?|\*|\?|\[[^\]]*\]|\\?[^])/su.exec(pattern.slice(at))?.[0] ?? "";
    at += token.length;
    if (token.startsWith("**")) {
      const isLast = at >= pattern.length;
      tokens.push({ kind: "wall", source: isLast ? ".*" : "(?:.*/)?" });
      kind = count === 0 ? "suffix" : isLast && kind === "exact" ? "prefix" : "regexp";
      continue;
    }
    const isQuoted = token.startsWith("\\") && token.length > 1;
    if (isQuoted || /^[*?[]/.test(token)) kind = "regexp";
    if (token === "*") tokens.push({ kind: "star", source: "" });
    else if (token === "?") tokens.push({ kind: "plain", source: "[^/]" });
    else if (token.startsWith("[")) tokens.push({ kind: "plain", source: token });
    else tokens.push({ kind: token === "/" ? "wall" : "plain", source: quoteRegExp(isQuoted ? token.slice(1) : token) });
  }
  return { source: globSource(tokens, "[^/]"), kind };
}
