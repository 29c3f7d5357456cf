/** The records beside the database: whether the journal of small changes is whole, and whether one was put aside that was not. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { damagedJournal, Journal } from "../records/journal.ts";
import { stateOf } from "../records/snapshot.ts";
import type { Damage } from "../store.ts";

export function* checkRecords(folder: string): Iterable<Damage> {
  const problem = problemOf(folder);
  if (problem !== undefined) yield { what: join(folder, "journal"), problem };
  const aside = damagedJournal(folder);
  const found = statSync(aside, { throwIfNoEntry: false });
  if (found !== undefined)
    yield {
      what: aside,
      problem: `a damaged journal, last written ${found.mtime.toISOString()}: records may lack its changes; remove it when you have seen to that`,
    };
}

/** The state is read after the journal: one that others took over meanwhile is only an old one then. */
function problemOf(folder: string): string | undefined {
  using journal = new Journal(folder);
  journal.read();
  return journal.damage(stateOf(folder));
}
