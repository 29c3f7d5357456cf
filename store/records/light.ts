/**
 * The records without the database: its last snapshot with the journal of what came after. For short commands, which load no lmdb then.
 * It serves as long as the snapshot is that of the database's last transaction, and takes writes as long as nobody has the database open.
 */
import { closeSync, constants, fstatSync } from "node:fs";
import { join } from "node:path";
import { openFileLock, type FileLock } from "../../system/file-lock.ts";
import { openLockFile, openOwnFile } from "../own-file.ts";
import { Gate } from "./gate.ts";
import { type Change, Journal } from "./journal.ts";
import { lastState, usedBytes } from "./meta.ts";
import { MARGIN_BYTES } from "./reserve.ts";
import { loadSnapshot, type Snapshot, type State } from "./snapshot.ts";

/** What one transaction sees and does. */
export interface Transaction {
  get(key: string): unknown;
  put(key: string, value: unknown): void;
  remove(key: string): void;
}

/** Who writes more often than this is better off with the database, which makes one transaction of many writes. */
const MAX_WRITES = 24;

/** Held by each process that has the database open. */
export function openersLock(folder: string): FileLock {
  return openFileLock(join(folder, "openers.lock"), openLockFile);
}

export class LightRecords implements Disposable {
  readonly #folder: string;
  readonly #journal: Journal;
  #snapshot: Snapshot | undefined;
  #current: Map<string, unknown> | undefined;
  #isSorted = true;
  #locks: { readonly gate: Gate; readonly openers: FileLock } | undefined;
  #data: number | undefined;
  #writes = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#journal = new Journal(folder);
  }

  /** As the last transaction of any process left them, in the database's order; undefined when only the database can tell. */
  records(): ReadonlyMap<string, unknown> | undefined {
    const current = this.#refresh();
    if (current === undefined || this.#isSorted) return current;
    this.#isSorted = true;
    return (this.#current = sorted(current));
  }

  /** Undefined when nothing was done, and the database is to do it. `act` must be pure. */
  transact<T>(act: (transaction: Transaction) => T): { readonly result: T } | undefined {
    if (++this.#writes > MAX_WRITES || this.#refresh() === undefined) return undefined;
    const { gate, openers } = (this.#locks ??= { gate: new Gate(this.#folder), openers: openersLock(this.#folder) });
    return gate.alone(() => {
      if (!openers.tryExclusive()) return undefined;
      try {
        const current = this.#refresh();
        return current !== undefined && this.#isSound() ? this.#commit(current, act) : undefined;
      } finally {
        openers.release();
      }
    });
  }

  [Symbol.dispose](): void {
    this.#journal[Symbol.dispose]();
    this.#locks?.gate[Symbol.dispose]();
    this.#locks?.openers[Symbol.dispose]();
    this.#locks = undefined;
    if (this.#data !== undefined) closeSync(this.#data);
    this.#data = undefined;
  }

  #commit<T>(current: Map<string, unknown>, act: (transaction: Transaction) => T): { readonly result: T } | undefined {
    const made = new Map<string, Change>();
    const result = act({
      get: (key) => (made.has(key) ? made.get(key)?.[1] : current.get(key)),
      put: (key, value) => made.set(key, [key, value]),
      remove: (key) => made.set(key, [key]),
    });
    if (made.size === 0) return { result };
    const text = JSON.stringify([...made.values()]);
    if (!this.#append(current, text)) return undefined;
    this.#apply(current, JSON.parse(text) as readonly Change[]); // as others will read them
    return { result };
  }

  #append(current: ReadonlyMap<string, unknown>, text: string): boolean {
    const { state, records } = this.#snapshot!;
    const goesOn = this.#journal.base === state && !this.#journal.isLong;
    return (goesOn || this.#journal.begin(state, differences(records, current))) && this.#journal.append(text);
  }

  /** Undefined when the database has gone on without a snapshot. */
  #refresh(): Map<string, unknown> | undefined {
    this.#snapshot ??= loadSnapshot(this.#folder);
    if (this.#snapshot === undefined) return undefined;
    const { state, records } = this.#snapshot;
    const { anew, changes } = this.#journal.read();
    if (anew || this.#current === undefined) [this.#current, this.#isSorted] = [new Map(records), true];
    if (this.#journal.base === state) this.#apply(this.#current, changes);
    return this.#state() === state ? this.#current : undefined; // last: a journal that was taken over meanwhile has moved it
  }

  #apply(current: Map<string, unknown>, changes: readonly Change[]): void {
    for (const change of changes) {
      const [key, value] = change;
      if (change.length === 1) current.delete(key);
      else {
        this.#isSorted &&= current.has(key);
        current.set(key, value);
      }
    }
  }

  #state(): State | undefined {
    this.#data ??= openData(this.#folder);
    return this.#data === undefined ? undefined : lastState(this.#data);
  }

  /** What the journal holds fits into the database also when the disk is full. One that is damaged is the database's to put aside. */
  #isSound(): boolean {
    return fstatSync(this.#data!).size >= usedBytes(this.#data!) + MARGIN_BYTES && this.#journal.damage(this.#snapshot!.state) === undefined;
  }
}

/** What leads from the one to the other. */
function differences(before: ReadonlyMap<string, unknown>, now: ReadonlyMap<string, unknown>): readonly Change[] {
  const gone = [...before.keys()].filter((key) => !now.has(key)).map((key): Change => [key]);
  return [...gone, ...[...now].filter(([key, value]) => before.get(key) !== value)];
}

function openData(folder: string): number | undefined {
  try {
    return openOwnFile(join(folder, "data.mdb"), constants.O_RDONLY);
  } catch {
    return undefined;
  }
}

function sorted(records: ReadonlyMap<string, unknown>): Map<string, unknown> {
  const entries = [...records].map((entry) => [Buffer.from(entry[0]), entry] as const);
  return new Map(entries.sort(([one], [other]) => Buffer.compare(one, other)).map(([, entry]) => entry));
}
