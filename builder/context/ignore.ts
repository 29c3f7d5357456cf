/**
 * .dockerignore: which paths of a context are left out. The last matching rule wins, a rule for a folder holds for all in it,
 * `!` takes back. Rules after moby/patternmatcher, whose odd corners users rely on. Spec: Docker build reference, ".dockerignore files".
 */
import { posix } from "node:path";
import { BuilderError } from "../errors.ts";
import { globSource, type GlobToken } from "./glob.ts";
import { compileMatch, quoteRegExp, readSet } from "./go-match.ts";
import { StepwiseMatcher, type Reached } from "./stepwise-match.ts";

interface Rule {
  /** Place of its pattern among those given. */
  readonly index: number;
  readonly keeps: boolean;
  readonly matcher: Matcher;
}

type Matcher = { readonly kind: "whole"; readonly matches: (path: string) => boolean } | { readonly kind: "stepwise"; readonly steps: StepwiseMatcher };

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

  /** Place of the pattern that leaves a path out, among those that were compiled; undefined when none does. */
  ignoredBy(path: string): number | undefined {
    let marks: Marks | undefined;
    let by: number | undefined;
    for (let end = path.indexOf("/"); ; end = path.indexOf("/", end + 1)) {
      ({ by, marks } = this.step(end < 0 ? path : path.slice(0, end), marks));
      if (end < 0) return by;
    }
  }

  /** For walks: `parent` is what this gave for the folder that holds `path`. */
  step(path: string, parent?: Marks): { readonly ignored: boolean; readonly by: number | undefined; readonly marks: Marks } {
    const marks: Marks = { matched: new Uint8Array(this.#rules.length), reached: new Map() };
    let ignored = false;
    let by: number | undefined;
    this.#rules.forEach((rule, at) => {
      const matches = matchesStep(rule.matcher, at, path, parent, marks);
      const inherited = parent?.matched[at] === 1;
      if (!inherited && (rule.keeps !== ignored || !matches())) return;
      marks.matched[at] = 1;
      ignored = !rule.keeps;
      by = ignored ? rule.index : undefined;
    });
    return { ignored, by, marks };
  }
}

/** What is known of a folder when what is in it is looked at. */
export interface Marks {
  /** Which rules it matched. */
  readonly matched: Uint8Array;
  /** How far it came in those that are matched step by step. */
  readonly reached: Map<number, Reached>;
}

/** Asked when it matters; the steps are taken in any case, for what is below goes on from them. */
function matchesStep(matcher: Matcher, at: number, path: string, parent: Marks | undefined, marks: Marks): () => boolean {
  if (matcher.kind === "whole") return () => matcher.matches(path);
  const { steps } = matcher;
  const from = parent?.reached.get(at);
  const reached = from === undefined ? steps.advance(steps.start(), path) : steps.advance(from, path.slice(path.lastIndexOf("/")));
  marks.reached.set(at, reached);
  return () => steps.isMatch(reached);
}

export interface IgnoreLine {
  readonly pattern: string;
  /** From 1. */
  readonly line: number;
}

export function parseIgnoreFile(text: string): readonly string[] {
  return parseIgnoreLines(text).map(({ pattern }) => pattern);
}

export function parseIgnoreLines(text: string): readonly IgnoreLine[] {
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .flatMap((written, index) => {
      const line = written.startsWith("#") ? "" : written.trim();
      if (line === "") return [];
      const keeps = line.startsWith("!");
      const cleaned = clean(keeps ? line.slice(1).trim() : line);
      const relative = cleaned.length > 1 && cleaned.startsWith("/") ? cleaned.slice(1) : cleaned;
      return [{ pattern: keeps ? `!${relative}` : relative, line: index + 1 }];
    });
}

/** @throws {BuilderError} `CONTEXT_INVALID` */
export function compileRules(patterns: readonly string[]): IgnoreRules {
  const rules = patterns.flatMap((written, index) => {
    const trimmed = written.trim();
    if (trimmed === "") return [];
    const pattern = clean(trimmed);
    if (pattern === "!") throw new BuilderError("CONTEXT_INVALID", 'Cannot read the ignore rules: illegal exclusion pattern "!"');
    const keeps = pattern.startsWith("!");
    return [{ index, keeps, matcher: compileRule(keeps ? pattern.slice(1) : pattern) }];
  });
  return new IgnoreRules(rules);
}

/** Go's filepath.Clean. */
function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** More `**` than this would multiply the tries of a regular expression. */
const MAX_DEEP_IN_REGEXP = 1;

/** The four kinds of patternmatcher: a pattern without wildcards is compared, `x/**` is a prefix, `**x` a suffix, others a regular expression. */
function compileRule(pattern: string): Matcher {
  pattern.split("/").forEach((element) => compileMatch(element)); // malformed ones are refused as Go refuses them
  const { tokens, kind } = translate(pattern);
  if (kind === "exact") return { kind: "whole", matches: (path) => path === pattern };
  if (kind === "prefix") return { kind: "whole", matches: (path) => path.startsWith(pattern.slice(0, -2)) };
  if (kind === "suffix") {
    const suffix = pattern.slice(2);
    return { kind: "whole", matches: (path) => path.endsWith(suffix) || (suffix.startsWith("/") && path === suffix.slice(1)) };
  }
  if (tokens.filter((token) => token.kind === "deep").length > MAX_DEEP_IN_REGEXP) return { kind: "stepwise", steps: new StepwiseMatcher(tokens) };
  const regexp = new RegExp(`^${globSource(tokens, "[^/]")}$`, "su");
  return { kind: "whole", matches: (path) => regexp.test(path) };
}

type Kind = "exact" | "prefix" | "suffix" | "regexp";

function translate(pattern: string): { readonly tokens: readonly GlobToken[]; readonly kind: Kind } {
  const tokens: GlobToken[] = [];
  const chars = Array.from(pattern);
  let kind: Kind = "exact";
  for (let at = 0, count = 0; at < chars.length; at++, count++) {
    const char = chars[at]!;
    if (char === "*" && chars[at + 1] === "*") {
      at += chars[at + 2] === "/" ? 2 : 1;
      const isLast = at >= chars.length - 1;
      tokens.push({ kind: "deep", source: isLast ? ".*" : "(?:.*/)?" });
      kind = count === 0 ? "suffix" : isLast && kind === "exact" ? "prefix" : "regexp";
    } else if (char === "*" || char === "?") {
      tokens.push(char === "*" ? { kind: "star", source: "" } : { kind: "plain", source: "[^/]" });
      kind = "regexp";
    } else if (char === "[") {
      const set = readSet(chars, at, pattern);
      tokens.push({ kind: "plain", source: set.text });
      at = set.end;
      kind = "regexp";
    } else if (char === "\\" && at + 1 < chars.length) {
      tokens.push({ kind: "plain", source: quoteRegExp(chars[++at]!) });
      kind = "regexp";
    } else tokens.push({ kind: char === "/" ? "wall" : "plain", source: quoteRegExp(char) });
  }
  return { tokens, kind };
}
