/** The records of a root: one lmdb environment that several processes share. A write is on disk when its promise resolves. */
import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import type { Database as LmdbDatabase, RootDatabase } from "lmdb";

/** Address space, not disk: no process ever has to grow the map under another's feet. */
const MAP_BYTES = 4 * 2 ** 30;

export type Database = LmdbDatabase<unknown, string>;

export interface SharedDatabase extends AsyncDisposable {
  readonly database: Database;
}

/**
 * Open environments of this process. lmdb must not be opened again while a transaction of the same process runs: the second opening waits
 * for the write lock, whose holder waits for this thread. So stores on one root share one, and the last one closes it.
 */
const opened = new Map<string, { readonly root: RootDatabase<unknown, string>; users: number }>();

/** Loaded on first use and synchronously: lmdb costs 15 ms, which `--help` need not pay. */
export function openDatabase(folder: string): SharedDatabase {
  const path = realpathSync(folder);
  const shared = opened.get(path) ?? { root: openLmdb(path), users: 0 };
  opened.set(path, shared);
  shared.users++;
  return {
    database: shared.root,
    async [Symbol.asyncDispose]() {
      if (--shared.users > 0) return;
      opened.delete(path);
      await shared.root.close();
    },
  };
}

function openLmdb(path: string): RootDatabase<unknown, string> {
  const { open } = withEnvironment(loadHints(), () => createRequire(import.meta.url)("lmdb") as typeof import("lmdb"));
  return open<unknown, string>({ path, encoding: "json", mapSize: MAP_BYTES, overlappingSync: false });
}

/** Spares lmdb's loader a third of its time: it need not find out which C library this is, nor load a codec for msgpack, which is not used here. */
function loadHints(): Readonly<Record<string, string>> {
  const isMusl = existsSync("/etc/alpine-release");
  return { MSGPACKR_NATIVE_ACCELERATION_DISABLED: "true", ...(isMusl ? {} : { LIBC: "glibc" }) };
}

/** The hints are for this loader alone, not for the programs that are started later. */
function withEnvironment<T>(variables: Readonly<Record<string, string>>, act: () => T): T {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return act();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
