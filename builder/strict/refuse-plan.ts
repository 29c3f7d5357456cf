/** A strict build ends here when its Dockerfile has something that would be accepted in silence. */
import { frame } from "../dockerfile/frame.ts";
import { planViolations, type StrictInput } from "./plan-rules.ts";
import { refusal } from "./violation.ts";

/** @throws {BuilderError} `STRICT_REFUSED` that tells all of them */
export function refusePlan(input: StrictInput): void {
  const [first, ...others] = planViolations(input);
  if (first === undefined) return;
  throw refusal(first, first.place === undefined ? undefined : frame(input.dockerfile, first.place), others);
}
