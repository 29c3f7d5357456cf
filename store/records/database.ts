/** The records of a root: one lmdb environment that several processes share. A write is on disk when its promise resolves. */
import { createRequire } from "node:module";
import type { Database as LmdbDatabase, RootDatabase } from "lmdb";

/** Address space, not disk: no process ever has to grow the map under another's feet. */
const MAP_BYTES = 4 * 2 ** 30;

export type Database = LmdbDatabase<unknown, string>;

/** Loaded on first use and synchronously: lmdb costs 20 ms, which `--help` need not pay. */
export function openDatabase(path: string): RootDatabase<unknown, string> {
  const { open } = createRequire(import.meta.url)("lmdb") as typeof import("lmdb");
  return open<unknown, string>({ path, encoding: "json", mapSize: MAP_BYTES, overlappingSync: false });
}
