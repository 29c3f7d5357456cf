/** Flags that are numbers of seconds. */
import { UsageError } from "../errors.ts";

export const WEEK_SECONDS = 604_800;

export function readSeconds(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new UsageError(`Cannot wait ${JSON.stringify(text)}: give a number of seconds`);
}

/** As `readSeconds`, not zero: nobody could do anything then. */
export function readWait(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new UsageError(`Cannot wait ${JSON.stringify(text)}: give a number of seconds, 1 at least`);
}

export function readGrace(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`Cannot spare what is younger than ${JSON.stringify(text)}: give a number of seconds`);
}
