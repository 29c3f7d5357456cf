/** The records of a root as its tables use them: read from the last snapshot while that is good, from the database otherwise, written to the database. */
import { openDatabase, type Database, type SharedDatabase } from "./database.ts";
import { loadSnapshot, stateOf, type Entry, type Snapshot } from "./snapshot.ts";

export interface Records extends AsyncDisposable {
  /** As the last transaction of any process left it. */
  get(key: string): unknown;
  /** Those whose keys begin with `prefix`, in bytewise order. */
  list(prefix: string): readonly Entry[];
  /** What `act` resolves with, once it is committed. */
  write<T>(act: (database: Database) => Promise<T>): Promise<T>;
}

/** Sorts after every character that a key may hold. */
const LAST = "\u{10FFFF}";

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
    list(prefix) {
      const last = snapshot();
      if (last !== undefined) return [...last.records].filter(([key]) => key.startsWith(prefix));
      return [...newest().getRange({ start: prefix, end: prefix + LAST })].map(({ key, value }) => [key, value] as const);
    },
    write: async (act) => await open().write(act),
    async [Symbol.asyncDispose]() {
      const closing = shared;
      shared = undefined;
      await closing?.[Symbol.asyncDispose]();
    },
  };
}
