/** A signal as users write it: 9, KILL, SIGKILL, kill. */
import { constants } from "node:os";
import { UsageError } from "../errors.ts";

/** @throws {UsageError} */
export function parseSignal(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  const name = text.toUpperCase();
  const number = Object.entries(constants.signals).find(([known]) => known === name || known === `SIG${name}`)?.[1];
  if (number === undefined) throw new UsageError(`There is no signal ${JSON.stringify(text)}`);
  return number;
}
