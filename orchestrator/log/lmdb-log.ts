/**
 * The object log in one lmdb database: revision → record, appended only; compaction removes records that are neither current nor recent.
 * Transactions that arrive while a commit is on its way to the disk share the next one (group commit).
 */
import { mkdirSync } from "node:fs";
import { open, type Database, type RootDatabase } from "lmdb";
import { History, type HistoryLimit } from "./history.ts";
import type { Change, LogKey, ObjectLog, Transaction } from "./object-log.ts";
import { own } from "./owner.ts";
import { formatRecord, parseRecord } from "./record.ts";
import { Draft, State } from "./state.ts";
import { StoreError } from "../../store/errors.ts";
import { commitFailure, leave } from "../../store/records/commit-failure.ts";
import { assertOpenable } from "../../store/records/openable.ts";
import { Reserve } from "../../store/records/reserve.ts";
import type { KubeObject } from "../cluster.ts";
import { ApiError } from "../errors.ts";

/** Changes kept for watchers; between this and twice as many. */
export const HISTORY_CHANGES = 2_000;
/** Or fewer, when together they are larger. */
const HISTORY_CHARACTERS = 128 * 2 ** 20;
/** The page that a record is in, or that it leaves when it is removed. */
const RECORD_BYTES = 4096;
/** Address space reserved for the database; the file grows as needed. */
const MAP_BYTES = 4 * 2 ** 30;

export interface LmdbLogOptions {
  readonly folder: string;
  readonly history?: Partial<HistoryLimit>;
  /** Told what a listener threw: the others are told of the change all the same. */
  readonly onBug?: (error: unknown) => void;
}

interface Waiting {
  readonly body: (transaction: Transaction) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Outcome {
  readonly changes: readonly Change[];
  /** The same changes, by transaction. */
  readonly groups: readonly (readonly Change[])[];
  readonly settle: readonly (() => void)[];
}

/** @throws {ApiError} `ServiceUnavailable` when another live process has this log open */
export function openLmdbLog({ folder, history, onBug = () => {} }: LmdbLogOptions): ObjectLog {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const owner = ownOpenable(folder); // before anything is opened: lmdb's opening disturbs whoever writes
  const root = open({ path: folder, mapSize: MAP_BYTES, overlappingSync: false, maxDbs: 2 });
  const meta = root.openDB<string, string>({ name: "meta", encoding: "string" });
  const records = root.openDB<string, number>({ name: "records", encoding: "string", keyEncoding: "uint32" });
  return new LmdbLog(
    { root, meta, records, owner, reserve: new Reserve(folder) },
    { changes: HISTORY_CHANGES, characters: HISTORY_CHARACTERS, ...history },
    onBug,
  );
}

function ownOpenable(folder: string): Disposable {
  const owner = own(folder);
  try {
    assertOpenable(folder, MAP_BYTES);
    return owner;
  } catch (error) {
    owner[Symbol.dispose]();
    throw error;
  }
}

interface Databases {
  readonly root: RootDatabase;
  readonly meta: Database<string, string>;
  readonly records: Database<string, number>;
  readonly reserve: Reserve;
  /** Dispose lets another process open the log. */
  readonly owner: Disposable;
}

class LmdbLog implements ObjectLog {
  revision = 0;
  readonly #databases: Databases;
  readonly #state = new State();
  readonly #history: History;
  readonly #onBug: (error: unknown) => void;
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  constructor(databases: Databases, historyLimit: HistoryLimit, onBug: (error: unknown) => void) {
    this.#onBug = onBug;
    this.#databases = databases;
    this.#history = new History(Number(databases.meta.get("compacted") ?? 0), historyLimit);
    this.#load();
  }

  get(key: LogKey): KubeObject | undefined {
    return this.#state.get(key);
  }

  list(resource: string, namespace?: string): readonly KubeObject[] {
    return this.#state.list(resource, namespace);
  }

  transact<T>(body: (transaction: Transaction) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ body, resolve: (value) => resolve(value as T), reject });
      this.#flushing ??= this.#flush();
    });
  }

  changesSince(revision: number): readonly Change[] {
    return this.#history.since(revision);
  }

  subscribe(listener: (changes: readonly Change[]) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    await this.#databases.root.close();
    this.#databases.reserve[Symbol.dispose]();
    this.#databases.owner[Symbol.dispose]();
  }

  #load(): void {
    for (const { key: revision, value } of this.#databases.records.getRange({ start: 1 })) {
      const { key, object } = parseRecord(value);
      const previous = this.#state.get(key);
      this.#state.apply({ key, object });
      if (revision > this.#history.compacted) this.#history.push({ key, revision, object, previous }, value.length);
      this.revision = revision;
    }
  }

  async #flush(): Promise<void> {
    await Promise.resolve(); // what is asked for in this turn goes in one commit
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const outcome = this.#evaluate(batch);
      const texts: (readonly [number, string])[] = [];
      try {
        for (const { key, revision, object } of outcome.changes) texts.push([revision, formatRecord(key, object)]);
        if (texts.length > 0) await this.#commit(texts);
      } catch (error) {
        for (const { reject } of batch) reject(error);
        continue;
      }
      this.#publish(outcome.groups, texts);
      for (const settle of outcome.settle) settle();
    }
    this.#flushing = undefined;
  }

  /** Runs each body over the writes of those before it; a body that throws leaves none. */
  #evaluate(batch: readonly Waiting[]): Outcome {
    const whole = new Draft(this.#state, this.revision);
    const groups: (readonly Change[])[] = [];
    const settle: (() => void)[] = [];
    for (const { body, resolve, reject } of batch) {
      const draft = new Draft(whole, whole.revision);
      try {
        const value = body(draft);
        settle.push(() => resolve(value));
      } catch (error) {
        settle.push(() => reject(error));
        continue;
      }
      whole.absorb(draft);
      if (draft.changes.length > 0) groups.push(draft.changes);
    }
    return { changes: whole.changes, groups, settle };
  }

  async #commit(texts: readonly (readonly [revision: number, record: string])[]): Promise<void> {
    const { records, reserve } = this.#databases;
    try {
      reserve.ensure(texts.reduce((sum, [, record]) => sum + Buffer.byteLength(record) + RECORD_BYTES, 0));
      await records.batch(() => {
        for (const [revision, record] of texts) leave(records.put(revision, record));
      });
    } catch (error) {
      const cause = error instanceof StoreError ? error : await commitFailure(records, error);
      if (cause === undefined) throw error;
      throw new ApiError(
        "InternalError",
        `Internal error occurred: ${cause.message.replace(/^Cannot write records/, "cannot write objects")}`,
        undefined,
        cause,
      );
    }
  }

  /** `texts`: the record of each change. */
  #publish(groups: readonly (readonly Change[])[], texts: readonly (readonly [revision: number, record: string])[]): void {
    for (const [at, change] of groups.flat().entries()) {
      this.#state.apply(change);
      this.#history.push(change, texts[at]![1].length);
      this.revision = change.revision;
    }
    this.#compact();
    for (const group of groups) for (const listener of this.#listeners) this.#tell(listener, group);
  }

  /** What is committed is committed: a listener's bug must not end the log. */
  #tell(listener: (changes: readonly Change[]) => void, group: readonly Change[]): void {
    try {
      listener(group);
    } catch (error) {
      this.#onBug(error);
    }
  }

  /** A record may go once a newer change has replaced it. Losing this commit in a crash, or for want of room, only leaves records that may go later. */
  #compact(): void {
    const forgotten = this.#history.compact();
    if (forgotten.length === 0) return;
    const stale = forgotten.flatMap(({ object, previous, revision }) => [
      ...(previous === undefined ? [] : [Number(previous.metadata.resourceVersion)]),
      ...(object === undefined ? [revision] : []),
    ]);
    const { root, records, meta, reserve } = this.#databases;
    try {
      reserve.ensure(stale.length * RECORD_BYTES);
    } catch (error) {
      return this.#onBug(error);
    }
    const removed = root.batch(() => {
      for (const revision of stale) leave(records.remove(revision));
      leave(meta.put("compacted", String(this.#history.compacted)));
    });
    leave(removed.catch(async (error: unknown) => await commitFailure(root, error)));
  }
}
