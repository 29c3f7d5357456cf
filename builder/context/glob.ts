/**
 * Patterns with `*` as regular expressions that never try in vain: what is between two stars is fixed in length, so its first
 * place is as good as any, and once found it is kept. Without that a few dozen stars take longer than the universe.
 */

export interface GlobToken {
  /** `wall`: a slash, which a star does not reach over; `deep`: any number of folders, `(?:.*\/)?`, or at the very end anything, `.*`. */
  readonly kind: "star" | "wall" | "plain" | "deep";
  /** A regular expression without groups that capture. */
  readonly source: string;
}

/** Source of a regular expression; `any` is what a star matches one of. */
export function globSource(tokens: readonly GlobToken[], any: "." | "[^/]", isGreedy = true): string {
  let out = "";
  let groups = 0;
  for (let at = 0; at < tokens.length; at++) {
    const { kind, source } = tokens[at]!;
    const next = kind === "star" ? nextStar(tokens, at) : undefined;
    if (kind !== "star") out += source;
    else if (next === undefined) out += isGreedy ? `${any}*` : `${any}*?`;
    else {
      const between = tokens.slice(at + 1, next).map((token) => token.source);
      if (between.length > 0) out += `(?=(${any}*?${between.join("")}))(?:\\${++groups})`;
      at = next - 1;
    }
  }
  return out;
}

function nextStar(tokens: readonly GlobToken[], at: number): number | undefined {
  const next = tokens.findIndex(({ kind }, index) => index > at && kind !== "plain");
  return tokens[next]?.kind === "star" ? next : undefined;
}
