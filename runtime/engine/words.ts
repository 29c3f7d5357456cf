/** Words that a program is given end at a byte of value 0: one that holds it is refused before anything is made. */
import { RuntimeError } from "../errors.ts";

/** @throws {RuntimeError} `SPEC_INVALID` */
export function checkWords(...words: readonly (string | undefined)[]): void {
  const odd = words.find((word) => word?.includes("\0") === true);
  if (odd !== undefined) throw new RuntimeError("SPEC_INVALID", `Cannot use ${JSON.stringify(odd)}: it holds a byte of value 0`);
}
