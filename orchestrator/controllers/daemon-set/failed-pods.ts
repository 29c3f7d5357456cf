/** How long the failed pod of a node must stay before it is replaced: nothing at first, then a second, doubled with each failure. */

const FIRST_WAIT_MS = 1000;
const LAST_WAIT_MS = 15 * 60_000;

interface Record {
  readonly wait: number;
  readonly since: number;
}

export class FailedPods {
  readonly #records = new Map<string, Record>();

  /** Milliseconds. */
  wait(key: string, now: number): number {
    const record = this.#records.get(key);
    return record === undefined ? 0 : Math.max(0, record.since + record.wait - now);
  }

  /** A failed pod was removed; a node without a failure for twice the longest wait begins anew. */
  count(key: string, now: number): void {
    for (const [other, { since }] of this.#records) if (now - since > 2 * LAST_WAIT_MS) this.#records.delete(other);
    const before = this.#records.get(key);
    this.#records.set(key, { wait: before === undefined ? FIRST_WAIT_MS : Math.min(2 * before.wait, LAST_WAIT_MS), since: now });
  }
}
