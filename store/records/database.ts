/** The records of a root: one lmdb environment that several processes share. A write is on disk when its promise resolves. */
import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import type { Database as LmdbDatabase, RootDatabase } from "lmdb";
import { join } from "node:path";
import type { FileLock } from "../../system/file-lock.ts";
import { refuseForeign } from "../own-file.ts";
import { Gate } from "./gate.ts";
import { type Change, Journal } from "./journal.ts";
import { openersLock } from "./light.ts";
import { assertOpenable } from "./openable.ts";
import { Reserve } from "./reserve.ts";
import { saveSnapshot, type Entry, stateOf } from "./snapshot.ts";

/** Address space, not disk: no process ever has to grow the map under another's feet. */
const MAP_BYTES = 4 * 2 ** 30;

export type Database = LmdbDatabase<unknown, string>;

export interface SharedDatabase extends AsyncDisposable {
  /** For reading. */
  readonly database: Database;
  /** Every write goes through here: what `act` resolves with, once it is committed. */
  write<T>(act: (database: Database) => Promise<T>): Promise<T>;
}

/**
 * Open environments of this process. lmdb must not be opened again while a transaction of the same process runs: the second opening waits
 * for the write lock, whose holder waits for this thread. So stores on one root share one, and the last one closes it.
 */
const opened = new Map<string, Environment>();

const closings = new Set<Promise<void>>();

/** Whether this process is closing a database. Its gate is its own meanwhile: who waited for that without letting others run would wait for ever. */
export function isClosing(): boolean {
  return closings.size > 0;
}

export async function closed(): Promise<void> {
  await Promise.all(closings);
}

/** Whether this process has it open: who waits for its gate without letting others run would then wait for this very process. */
export function isOpen(folder: string): boolean {
  return opened.size > 0 && opened.has(realpathSync(folder));
}

/** Loaded on first use and synchronously: lmdb costs 15 ms, which `--help` need not pay. */
export function openDatabase(folder: string): SharedDatabase {
  const path = realpathSync(folder);
  const environment = opened.get(path) ?? new Environment(path);
  opened.set(path, environment);
  environment.users++;
  return {
    database: environment.root,
    write: async (act) => await environment.write(act),
    async [Symbol.asyncDispose]() {
      if (--environment.users > 0) return;
      await environment.gate.settled();
      if (environment.users > 0) return; // opened again meanwhile: another environment would have waited for this one's writes, and for ever
      if (opened.get(path) === environment) opened.delete(path);
      const closing = environment[Symbol.asyncDispose]().finally(() => closings.delete(closing));
      closings.add(closing);
      await closing;
    },
  };
}

class Environment implements AsyncDisposable {
  readonly root: RootDatabase<unknown, string>;
  readonly gate: Gate;
  readonly #openers: FileLock;
  users = 0;
  readonly #path: string;
  #reserve: Reserve | undefined;
  #hasWritten = false;
  #closed: Promise<void> | undefined;
  /** At the process's end lmdb closes what is still open, and the kernel opens the gate after that. */
  readonly #atExit = (): void => this.gate.enterAlone();

  constructor(path: string) {
    this.#path = path;
    this.gate = new Gate(path);
    this.#openers = openersLock(path);
    try {
      this.root = this.gate.alone(() => {
        this.#openers.shared();
        return openWithJournal(path);
      });
    } catch (error) {
      this.gate[Symbol.dispose]();
      this.#openers[Symbol.dispose]();
      throw error;
    }
    process.once("exit", this.#atExit);
  }

  async write<T>(act: (database: Database) => Promise<T>): Promise<T> {
    this.#hasWritten = true;
    this.#reserve ??= new Reserve(this.#path);
    const reserve = this.#reserve;
    return await this.gate.write(async () => {
      reserve.ensure();
      return await act(this.root);
    });
  }

  /** Idempotent. No write may be under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#closed ??= this.#close());
  }

  /** A snapshot is left for the next; by one who wrote only when no other has it open, who may write on. */
  async #close(): Promise<void> {
    process.off("exit", this.#atExit);
    this.gate.enterAlone();
    if (!this.#hasWritten || this.#openers.tryExclusive()) saveSnapshot(this.#path, () => this.#entries());
    await this.root.close();
    this.#reserve?.[Symbol.dispose]();
    this.#openers[Symbol.dispose]();
    this.gate[Symbol.dispose]();
  }

  *#entries(): Iterable<Entry> {
    this.root.resetReadTxn();
    for (const { key, value } of this.root.getRange()) yield [key, value];
  }
}

/** The journal's lines become one transaction. When it is not committed they stay; once it is they are those of another state, and mean nothing. */
function openWithJournal(path: string): RootDatabase<unknown, string> {
  using journal = new Journal(path);
  const { changes } = journal.read();
  for (const name of ["data.mdb", "lock.mdb"]) refuseForeign(join(path, name));
  const state = stateOf(path);
  const root = openLmdb(path);
  if (!journal.isThere) return root;
  try {
    if (journal.base !== undefined && journal.base === state && changes.length > 0) takeOver(root, changes);
    journal.remove(state);
    return root;
  } catch (error) {
    void root.close(); // at once, for it has written nothing; the gate is still ours
    throw error;
  }
}

function takeOver(root: RootDatabase<unknown, string>, changes: readonly Change[]): void {
  root.transactionSync(() => {
    for (const change of changes)
      if (change.length === 1) root.removeSync(change[0]);
      else root.putSync(change[0], change[1]);
  });
}

function openLmdb(path: string): RootDatabase<unknown, string> {
  const { open } = withEnvironment(loadHints(), () => createRequire(import.meta.url)("lmdb") as typeof import("lmdb"));
  assertOpenable(path, MAP_BYTES);
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
