/** Tables share one key space: `<table>/<key>`. Every call is one transaction. */
import { StoreError } from "../errors.ts";
import type { Table } from "../store.ts";
import type { Database, SharedDatabase } from "./database.ts";

/** Sorts after every character that a key may hold. */
const LAST = "\u{10FFFF}";

export function openTable<Value>(shared: () => SharedDatabase, name: string): Table<Value> {
  const prefix = `${name}/`;
  const database = (): Database => shared().database;
  const read = (key: string): Value | undefined => database().get(prefix + key) as Value | undefined;
  const write = async <T>(act: () => Promise<T>): Promise<T> => await shared().write(async () => await committed(database(), act()));
  return {
    get(key) {
      database().resetReadTxn(); // another process may have written since the last look
      return read(key);
    },
    list(start = "") {
      database().resetReadTxn();
      const from = prefix + start;
      return [...database().getRange({ start: from, end: from + LAST })].map(({ key, value }) => [key.slice(prefix.length), value as Value] as const);
    },
    async put(key, value) {
      await write(async () => await database().put(prefix + key, value));
    },
    async remove(key) {
      return await write(
        async () =>
          await database().transaction(() => {
            const present = read(key) !== undefined;
            if (present) leave(database().remove(prefix + key));
            return present;
          }),
      );
    },
    async update(key, change) {
      return await write(
        async () =>
          await database().transaction(() => {
            const current = read(key);
            const next = change(current);
            if (next === current) return next;
            leave(next === undefined ? database().remove(prefix + key) : database().put(prefix + key, next));
            return next;
          }),
      );
    },
  };
}

/** A part of a transaction, whose own promise tells how it went. */
function leave(part: PromiseLike<unknown>): void {
  part.then(undefined, () => undefined);
}

/** Why a commit failed lmdb tells in promises of its own, for which nobody else waits. */
async function committed<T>(database: Database, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    const reason = (error as { readonly commitError?: Promise<never> }).commitError;
    if (reason === undefined) throw error;
    leave(database.committed);
    const cause = await reason.catch((found: unknown) => found);
    throw new StoreError("RECORDS_FAILED", `Cannot write records: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      hint: "The disk is full or damaged",
    });
  }
}

/** Every record of every table, for the collection. */
export function* allRecords(database: Database): Iterable<readonly [key: string, value: unknown]> {
  database.resetReadTxn();
  for (const { key, value } of database.getRange()) yield [key, value];
}
