/** Tables share one key space: `<table>/<key>`. Every call is one transaction. */
import { StoreError } from "../errors.ts";
import type { KeyPage, Table } from "../store.ts";
import { commitFailure, leave } from "./commit-failure.ts";
import type { Database } from "./database.ts";
import type { Records } from "./records.ts";

export function openTable<Value>(records: Records, name: string): Table<Value> {
  const prefix = `${name}/`;
  const within = (page: KeyPage | undefined): KeyPage | undefined => page && { ...page, after: page.after === undefined ? undefined : prefix + page.after };
  const write = async <T>(act: (database: Database) => Promise<T>): Promise<T> =>
    await records.write(async (database) => await committed(database, act(database)));
  const transact = async <T>(key: string, body: (current: Value | undefined, database: Database) => T): Promise<T> =>
    await write(async (database) => await database.transaction(() => body(database.get(prefix + key) as Value | undefined, database)));
  return {
    get: (key) => records.get(prefix + key) as Value | undefined,
    list: (start = "", page) => records.list(prefix + start, within(page)).map(([key, value]) => [key.slice(prefix.length), value as Value] as const),
    keys: (start = "", page) => records.keys(prefix + start, within(page)).map((key) => key.slice(prefix.length)),
    async put(key, value) {
      await write(async (database) => await database.put(prefix + key, value));
    },
    async remove(key) {
      return await transact(key, (current, database) => {
        if (current !== undefined) leave(database.remove(prefix + key));
        return current !== undefined;
      });
    },
    async update(key, change) {
      return await transact(key, (current, database) => {
        const next = change(current);
        if (next === current) return next;
        leave(next === undefined ? database.remove(prefix + key) : database.put(prefix + key, next));
        return next;
      });
    },
  };
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
