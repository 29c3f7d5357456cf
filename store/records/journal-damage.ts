/** Tells a journal that was damaged from one that simply has had its time. Pure. */
import type { State } from "./snapshot.ts";

export interface JournalView {
  /** What its first line names; undefined when that is no state. */
  readonly base: State | undefined;
  /** Whole lines of it that could be read. */
  readonly lines: number;
  /** Whether one more whole line follows, which is none of changes. */
  readonly isBroken: boolean;
}

/** In words; undefined when it is whole. `state` is the database's, read after the journal; undefined where there is none. */
export function journalDamage({ base, lines, isBroken }: JournalView, state: State | undefined): string | undefined {
  const number = base === undefined ? undefined : numberOf(base);
  if (number === undefined) return "its first line is damaged, and the changes to records after it are lost";
  if (state === undefined) return "the database that its changes to records are for is gone";
  if (base !== state && number >= (numberOf(state) ?? number)) return "its changes to records are for a state that the database does not have, and are lost";
  if (base === state && isBroken) return `its line ${lines + 1} is damaged, and the changes to records from there on are lost`;
  return undefined;
}

/** Of the last transaction: it grows by one with each. */
function numberOf(state: State): bigint | undefined {
  const digits = /^(\d+)-/.exec(state)?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}
