/**
 * Keeps the opening and closing of a database apart from the writes of all other processes. lmdb needs that: whoever opens an environment
 * sets the number of the last transaction in the shared lock file to what it read a moment before, and a commit in between is then
 * written over by the next; whoever closes it last destroys the mutexes that one who is just opening has found.
 * Writers share the gate, openers have it alone; a turnstile before it lets no stream of writers hold an opener off.
 * Source: lmdb 3.5, mdb.c, `mdb_env_open2` and `mdb_env_close0`.
 */
import { join } from "node:path";
import { monotonicMs } from "../../system/clock.ts";
import { openFileLock, type FileLock } from "../../system/file-lock.ts";
import { openLockFile } from "../own-file.ts";

/** Milliseconds after which a process lets the gate go between two writes though more are coming. */
const LONGEST_STAY = 20;

export class Gate implements Disposable {
  readonly #turnstile: FileLock;
  readonly #inside: FileLock;
  #writers = 0;
  #since = 0;
  #empty: Promise<void> = Promise.resolve();
  #left = (): void => {};

  constructor(folder: string) {
    this.#turnstile = openFileLock(join(folder, "turnstile.lock"), openLockFile);
    this.#inside = openFileLock(join(folder, "writers.lock"), openLockFile);
  }

  /** No process writes meanwhile, and none opens or closes. */
  alone<T>(act: () => T): T {
    this.enterAlone();
    try {
      return act();
    } finally {
      this.leaveAlone();
    }
  }

  enterAlone(): void {
    this.#turnstile.exclusive();
    this.#inside.exclusive();
  }

  leaveAlone(): void {
    this.#inside.release();
    this.#turnstile.release();
  }

  /** Nobody opens or closes meanwhile. Writes of one process share one stay. */
  async write<T>(act: () => Promise<T>): Promise<T> {
    while (this.#writers > 0 && monotonicMs() - this.#since > LONGEST_STAY) await this.#empty;
    if (this.#writers++ === 0) this.#enter();
    try {
      return await act();
    } finally {
      if (--this.#writers === 0) this.#leave();
    }
  }

  /** Resolves when no write of this process is under way. */
  async settled(): Promise<void> {
    while (this.#writers > 0) await this.#empty;
  }

  [Symbol.dispose](): void {
    this.#inside[Symbol.dispose]();
    this.#turnstile[Symbol.dispose]();
  }

  #enter(): void {
    this.#turnstile.exclusive();
    this.#inside.shared();
    this.#turnstile.release();
    this.#since = monotonicMs();
    this.#empty = new Promise((resolve) => (this.#left = resolve));
  }

  #leave(): void {
    this.#inside.release();
    this.#left();
  }
}
