/** The newest changes, kept for watchers that come back; older ones are compacted away. */
import { ApiError } from "../errors.ts";
import type { Change } from "./object-log.ts";

export class History {
  /** Revision up to which changes are no longer known. */
  compacted: number;
  #changes: Change[] = [];
  readonly #limit: number;

  constructor(compacted: number, limit: number) {
    this.compacted = compacted;
    this.#limit = limit;
  }

  push(change: Change): void {
    this.#changes.push(change);
  }

  since(revision: number): readonly Change[] {
    if (revision < this.compacted) throw new ApiError("Expired", `too old resource version: ${revision} (${this.compacted})`);
    let start = this.#changes.length;
    while (start > 0 && this.#changes[start - 1]!.revision > revision) start--;
    return this.#changes.slice(start);
  }

  /** Forgets what is beyond the limit, in large steps so that it is rare, and gives back what was forgotten. */
  compact(): readonly Change[] {
    if (this.#changes.length < 2 * this.#limit) return [];
    const forgotten = this.#changes.slice(0, -this.#limit);
    this.#changes = this.#changes.slice(-this.#limit);
    this.compacted = forgotten.at(-1)!.revision;
    return forgotten;
  }
}
