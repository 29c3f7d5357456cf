/** The newest changes, kept for watchers that come back; older ones are compacted away. */
import { ApiError } from "../errors.ts";
import type { Change } from "./object-log.ts";

/** Between this and twice as much is kept; but the newest change in any case. */
export interface HistoryLimit {
  readonly changes: number;
  /** Of the changes' records: large objects that are written often would fill memory and disk. */
  readonly characters: number;
}

interface Kept {
  readonly change: Change;
  readonly characters: number;
}

export class History {
  /** Revision up to which changes are no longer known. */
  compacted: number;
  #kept: Kept[] = [];
  #characters = 0;
  readonly #limit: HistoryLimit;

  constructor(compacted: number, limit: HistoryLimit) {
    this.compacted = compacted;
    this.#limit = limit;
  }

  push(change: Change, characters: number): void {
    this.#kept.push({ change, characters });
    this.#characters += characters;
  }

  since(revision: number): readonly Change[] {
    if (revision < this.compacted) throw new ApiError("Expired", `too old resource version: ${revision} (${this.compacted})`);
    let start = this.#kept.length;
    while (start > 0 && this.#kept[start - 1]!.change.revision > revision) start--;
    return this.#kept.slice(start).map(({ change }) => change);
  }

  /** Forgets what is beyond the limit, in large steps so that it is rare, and gives back what was forgotten. */
  compact(): readonly Change[] {
    const { changes, characters } = this.#limit;
    if (this.#kept.length < 2 * changes && this.#characters < 2 * characters) return [];
    const start = this.#firstWithin(changes, characters);
    const forgotten = this.#kept.slice(0, start);
    if (forgotten.length === 0) return [];
    this.#kept = this.#kept.slice(start);
    this.#characters = this.#kept.reduce((sum, kept) => sum + kept.characters, 0);
    this.compacted = forgotten.at(-1)!.change.revision;
    return forgotten.map(({ change }) => change);
  }

  #firstWithin(changes: number, characters: number): number {
    let start = this.#kept.length - 1;
    let sum = this.#kept[start]!.characters;
    while (start > 0 && this.#kept.length - start < changes && sum + this.#kept[start - 1]!.characters <= characters) sum += this.#kept[--start]!.characters;
    return start;
  }
}
