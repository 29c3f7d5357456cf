/**
 * What the registry asks of the place where its content is: blobs by digest, uploads that outlive the process, and small records.
 * The store of this machine is one, a bucket the other. Several processes may work on one.
 */
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../store/digest.ts";
import type { Store } from "../store/store.ts";
import type { KeyPage, Table } from "../store/tables.ts";
import type { Blobs, Ingests } from "../store/content.ts";

export type Awaitable<Value> = Value | Promise<Value>;

export interface Storage {
  readonly blobs: Content;
  readonly ingests: Ingests;
  /** An update of a record is one transaction, also beside other processes. */
  readonly isTransactional?: boolean;
  /** The records called `name`. */
  table<Value>(name: string): Records<Value>;
  /** Asked after content was linked: false when a collection took it at that moment. Waits for one under way. */
  isKept(digest: Digest): Promise<boolean>;
  /** Nobody is at work with the storage: all content that was written is linked. */
  rest?(): void;
  /** Throws where content cannot be written now, unless reading a record tells that already. */
  reach?(): Promise<void>;
}

/** `has` makes young what is there: whoever asks goes on to rely on it. `path` where content is in files. */
export type Content = Pick<Blobs, "stat" | "has" | "open" | "read" | "ingest" | "put"> & Partial<Pick<Blobs, "path">>;

/** As a table of the store, but answers may take time, and keys may cost less than values. */
export interface Records<Value> extends Pick<Table<Value>, "put" | "remove" | "update">, Partial<Pick<Table<Value>, "transact">> {
  get(key: string): Awaitable<Value | undefined>;
  /** Keys in bytewise order. */
  list(prefix: string, wanted?: KeyPage): Awaitable<readonly (readonly [key: string, value: Value])[]>;
  /** Both may give more than is wanted, never less. */
  keys(prefix: string, wanted?: KeyPage): Awaitable<readonly string[]>;
}

/** The store of this machine. */
export function storeStorage(store: Pick<Store, "root" | "blobs" | "ingests" | "table" | "rest">): Storage {
  return {
    blobs: store.blobs,
    ingests: store.ingests,
    isTransactional: true,
    rest: () => store.rest(),
    isKept: async () => await Promise.resolve(true), // the store spares what a process at work may have written
    reach: async () => await access(join(store.root, "ingest"), constants.W_OK),
    table<Value>(name: string): Records<Value> {
      return store.table<Value>(name);
    },
  };
}
