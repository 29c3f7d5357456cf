/** The records of a root as its tables use them: without the database as long as that goes, from the database and into it otherwise. */
import type { RangeOptions } from "lmdb";
import { StoreError } from "../errors.ts";
import type { KeyPage } from "../tables.ts";
import { commitFailure, leave } from "./commit-failure.ts";
import { closed, isClosing, isOpen, openDatabase, type Database, type SharedDatabase } from "./database.ts";
import { LightRecords, type Transaction } from "./light.ts";
import type { Entry } from "./snapshot.ts";

export interface Records extends AsyncDisposable {
  /** As the last transaction of any process left it. */
  get(key: string): unknown;
  /** Those whose keys begin with `prefix`, in bytewise order. */
  list(prefix: string, page?: KeyPage): readonly Entry[];
  keys(prefix: string, page?: KeyPage): readonly string[];
  put(key: string, value: unknown): Promise<void>;
  /** Resolves with what `act` returns, once it is committed. It may be called twice, and must be pure. */
  transact<T>(act: (transaction: Transaction) => T): Promise<T>;
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
  let light: LightRecords | undefined = new LightRecords(folder);
  let shared: SharedDatabase | undefined;
  const open = (): SharedDatabase => {
    light?.[Symbol.dispose]();
    light = undefined;
    return (shared ??= openDatabase(folder));
  };
  const lightly = (): LightRecords | undefined => (light === undefined || isOpen(folder) ? undefined : light);
  const newest = (): Database => {
    const { database } = open();
    database.resetReadTxn(); // another process may have written since the last look
    return database;
  };
  return {
    get(key) {
      const records = lightly()?.records();
      return records === undefined ? newest().get(key) : records.get(key);
    },
    list(prefix, page) {
      const records = lightly()?.records();
      if (records !== undefined) return cut([...records], ([key]) => key, prefix, page);
      return [...newest().getRange(rangeOf(prefix, page))].map(({ key, value }) => [key, value] as const);
    },
    keys(prefix, page) {
      const records = lightly()?.records();
      if (records !== undefined) return cut([...records.keys()], (key) => key, prefix, page);
      return [...newest().getKeys(rangeOf(prefix, page))];
    },
    async put(key, value) {
      while (isClosing()) await closed();
      const done = lightly()?.transact((transaction) => transaction.put(key, value));
      if (done === undefined) await open().write(async (database) => await committed(database, database.put(key, value)));
    },
    async transact(act) {
      while (isClosing()) await closed();
      const done = lightly()?.transact(act);
      return done === undefined ? await open().write(async (database) => await committed(database, transaction(database, act))) : done.result;
    },
    async [Symbol.asyncDispose]() {
      const closing = shared;
      shared = undefined;
      light?.[Symbol.dispose]();
      await closing?.[Symbol.asyncDispose]();
    },
  };
}

async function transaction<T>(database: Database, act: (transaction: Transaction) => T): Promise<T> {
  return await database.transaction(() =>
    act({
      get: (key) => database.get(key),
      put: (key, value) => leave(database.put(key, value)),
      remove: (key) => leave(database.remove(key)),
    }),
  );
}

async function committed<T>(database: Database, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    const cause = await commitFailure(database, error);
    if (cause === undefined) throw error;
    throw new StoreError("RECORDS_FAILED", `Cannot write records: ${cause.message}`, {
      cause,
      hint: "The disk is full or damaged",
    });
  }
}
