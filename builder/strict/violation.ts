/** Something that a strict build refuses. */
import { BuilderError, type ErrorPlace } from "../errors.ts";
import type { Place } from "../dockerfile/instruction.ts";
import { STRICT_RULES, type StrictRule } from "./rules.ts";

export interface Violation {
  readonly rule: StrictRule;
  /** As it stands: `COPY *.md`. */
  readonly what: string;
  /** What is found: `it matches nothing`. */
  readonly state: string;
  /** Undefined: it is nowhere in the file. */
  readonly place: Place | undefined;
}

/** `others` are told with the first. */
export function refusal({ rule, what, state }: Violation, place: ErrorPlace | undefined, others: readonly Violation[] = []): BuilderError {
  const { silently, hint } = STRICT_RULES[rule];
  const more = others.map(
    (other) => `\nAlso ${other.place === undefined ? "" : `in line ${other.place.start}, `}${other.what}: ${other.state} (${other.rule})`,
  );
  return new BuilderError("STRICT_REFUSED", `Cannot accept ${what} in a strict build: ${state} (${rule})`, {
    hint: `Without --strict ${silently}. ${hint}${more.join("")}`,
    place,
  });
}
