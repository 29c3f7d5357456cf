/**
 * Patterns with several `**` matched character by character, with all places in the pattern that may be reached so far: time is bounded by
 * pattern times path. A walk goes on from where the folder's own name left off.
 */
import type { GlobToken } from "./glob.ts";

/** Places in the pattern, in order. */
export type Reached = readonly number[];

export class StepwiseMatcher {
  readonly #tokens: readonly GlobToken[];
  readonly #tests: readonly (RegExp | undefined)[];

  constructor(tokens: readonly GlobToken[]) {
    this.#tokens = tokens;
    this.#tests = tokens.map(({ kind, source }) => (kind === "star" || kind === "deep" ? undefined : new RegExp(`^${source}$`, "su")));
  }

  start(): Reached {
    const reached = new Set<number>();
    this.#enter(reached, 0);
    return [...reached];
  }

  advance(from: Reached, text: string): Reached {
    let reached = from;
    for (const char of text) {
      const next = new Set<number>();
      for (const at of reached) this.#step(at, char, next);
      reached = [...next];
      if (reached.length === 0) break;
    }
    return reached;
  }

  isMatch(reached: Reached): boolean {
    return reached.includes(this.#tokens.length);
  }

  #step(at: number, char: string, next: Set<number>): void {
    const kind = this.#tokens[at]?.kind;
    if (kind === "star" && char !== "/") this.#enter(next, at);
    if (kind === "deep" && at === this.#tokens.length - 1) this.#enter(next, at);
    else if (kind === "deep") {
      next.add(at); // amid folders: it ends behind a slash only
      if (char === "/") this.#enter(next, at + 1);
    }
    if (this.#tests[at]?.test(char) === true) this.#enter(next, at + 1);
  }

  /** What may match nothing is passed over at once. */
  #enter(into: Set<number>, at: number): void {
    for (let next = at; ; next++) {
      const kind = this.#tokens[next]?.kind;
      if (into.has(next) && kind === "star") return;
      into.add(next);
      if (kind !== "star" && kind !== "deep") return;
    }
  }
}
