/** The records of a root as its tables use them: read from the last snapshot while that is good, from the database otherwise, written to the database. */
import { openDatabase, type Database, type SharedDatabase } from "./database.ts";
import type { RangeOptions } from "lmdb";
import type { KeyPage } from "../store.ts";
import { loadSnapshot, stateOf, type Entry, type Snapshot } from "./snapshot.ts";

export interface Records extends AsyncDisposable {
  /** As the last transaction of any process left it. */
  get(key: string): unknown;
  /** Those whose keys begin with `prefix`, in bytewise order. */
  list(prefix: string, page?: KeyPage): readonly Entry[];
  keys(prefix: string, page?: KeyPage): readonly string[];
  /** What `act` resolves with, once it is committed. */
  write<T>(act: (database: Database) => Promise<T>): Promise<T>;
}

/** Sorts after every character that a key may hold. */
const LAST = "\u{10FFFF}";

function rangeOf(prefix: string, page: KeyPage | undefined): RangeOptions {
  const end = prefix + LAST;
  if (page === undefined) return { start: prefix, end };
  const isLater = page.after !== undefined && page.after >= prefix;
  return { start: isLater ? page.after : prefix, exclusiveStart: isLater, end, limit: page.limit };
}

/** Of a snapshot, whose keys are in order. */
function cut<Item>(items: readonly Item[], keyOf: (item: Item) => string, prefix: string, page: KeyPage | undefined): readonly Item[] {
  const { after, limit = Number.POSITIVE_INFINITY } = page ?? {};
  const isIn = (key: string): boolean => key.startsWith(prefix) && (after === undefined || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0);
  return items.filter((item) => isIn(keyOf(item))).slice(0, limit);
}

/** Nothing is opened before it is needed. */
export function openRecords(folder: string): Records {
  let shared: SharedDatabase | undefined;
  let loaded: { readonly snapshot: Snapshot | undefined } | undefined;
  const open = (): SharedDatabase => (shared ??= openDatabase(folder));
  const snapshot = (): Snapshot | undefined => {
    if (shared !== undefined) return undefined;
    const { snapshot: last } = (loaded ??= { snapshot: loadSnapshot(folder) });
    return last !== undefined && last.state === stateOf(folder) ? last : undefined;
  };
  const newest = (): Database => {
    const { database } = open();
    database.resetReadTxn(); // another process may have written since the last look
    return database;
  };
  return {
    get(key) {
      const last = snapshot();
      return last === undefined ? newest().get(key) : last.records.get(key);
    },
    list(prefix, page) {
      const last = snapshot();
      if (last !== undefined) return cut([...last.records], ([key]) => key, prefix, page);
      return [...newest().getRange(rangeOf(prefix, page))].map(({ key, value }) => [key, value] as const);
    },
    keys(prefix, page) {
      const last = snapshot();
      if (last !== undefined) return cut([...last.records.keys()], (key) => key, prefix, page);
      return [...newest().getKeys(rangeOf(prefix, page))];
    },
    write: async (act) => await open().write(act),
    async [Symbol.asyncDispose]() {
      const closing = shared;
      shared = undefined;
      await closing?.[Symbol.asyncDispose]();
    },
  };
}
