/** Records that processes share, as the rooms use them. */

/** A part of a list: the first `limit` behind `after`. */
export interface KeyPage {
  /** Exclusive. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** Every call is one transaction. Values are plain JSON-like data. */
export interface Table<Value> {
  get(key: string): Value | undefined;
  /** Keys in bytewise order. */
  list(prefix?: string, page?: KeyPage): readonly (readonly [key: string, value: Value])[];
  /** As `list`, without looking at the values. */
  keys(prefix?: string, page?: KeyPage): readonly string[];
  put(key: string, value: Value): Promise<void>;
  /** True when it was there. */
  remove(key: string): Promise<boolean>;
  /** Reads, decides and writes in one transaction; `undefined` removes, the same value changes nothing. `change` must be pure and synchronous. */
  update(key: string, change: (current: Value | undefined) => Value | undefined): Promise<Value | undefined>;
  /** The same of several keys: all of it is there, or nothing. Resolves with what `act` returns. */
  transact<T>(act: (rows: Rows<Value>) => T): Promise<T>;
}

/** A table within a transaction. */
export interface Rows<Value> {
  get(key: string): Value | undefined;
  put(key: string, value: Value): void;
  /** Idempotent. */
  remove(key: string): void;
}
