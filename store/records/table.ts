/** Tables share one key space: `<table>/<key>`. Every call is one transaction. */
import type { KeyPage, Table } from "../tables.ts";
import type { Records } from "./records.ts";

export function openTable<Value>(records: Records, name: string): Table<Value> {
  const prefix = `${name}/`;
  const within = (page: KeyPage | undefined): KeyPage | undefined => page && { ...page, after: page.after === undefined ? undefined : prefix + page.after };
  return {
    get: (key) => records.get(prefix + key) as Value | undefined,
    list: (start = "", page) => records.list(prefix + start, within(page)).map(([key, value]) => [key.slice(prefix.length), value as Value] as const),
    keys: (start = "", page) => records.keys(prefix + start, within(page)).map((key) => key.slice(prefix.length)),
    put: async (key, value) => await records.put(prefix + key, value),
    remove: async (key) =>
      await records.transact((transaction) => {
        const isThere = transaction.get(prefix + key) !== undefined;
        if (isThere) transaction.remove(prefix + key);
        return isThere;
      }),
    update: async (key, change) =>
      await records.transact((transaction) => {
        const current = transaction.get(prefix + key) as Value | undefined;
        const next = change(current);
        if (next === current) return next;
        if (next === undefined) transaction.remove(prefix + key);
        else transaction.put(prefix + key, next);
        return next;
      }),
    transact: async (act) =>
      await records.transact((transaction) =>
        act({
          get: (key) => transaction.get(prefix + key) as Value | undefined,
          put: (key, value) => transaction.put(prefix + key, value),
          remove: (key) => transaction.remove(prefix + key),
        }),
      ),
  };
}
