/** The build cache: from the key of a step to the layer it made, and what each place of a Dockerfile last looked like. */
import { ownedName } from "../../store/owner.ts";
import type { ChainID, Store } from "../../store/store.ts";
import type { Table } from "../../store/tables.ts";
import type { KeyParts } from "./key.ts";

export const CACHE_TABLE = "builder.cache";
export const LOOKS_TABLE = "builder.steps";
/** Milliseconds. The time of use is no finer than this, so that most hits write nothing. */
const USE_STEP_MS = 24 * 3_600_000;

export interface CacheRecord {
  readonly chain: ChainID;
  /** Milliseconds since the epoch: when it was made, or used on a later day. */
  readonly at: number;
  /** Milliseconds since the epoch. */
  readonly made?: number;
  /** The instruction, as progress names it. */
  readonly step?: string;
  /** Of a quick key: the full one that it stands for. */
  readonly full?: string;
  /** Means something on this machine only: a quick key of stat data, say. */
  readonly isLocal?: boolean;
}

/** The last look of one step, found by its place rather than its content. */
export interface LastLook {
  readonly key: string;
  readonly parts: KeyParts;
  readonly chain: ChainID;
}

export interface Found {
  readonly chainID: ChainID;
  /** The imported cache that has it; undefined: the store's own. */
  readonly from?: string | undefined;
  /** Of a quick key: the full one. */
  readonly full?: string | undefined;
}

/** Results that other machines had. Their layers come when they are needed. */
export interface ImportedCache {
  find(key: string): Found | undefined;
}

/** A layer that the cache promised is not to be had after all: the build goes on without the promise. */
export class CacheGap extends Error {
  readonly chain: ChainID;

  constructor(chain: ChainID, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = "CacheGap";
    this.chain = chain;
  }
}

export interface QuickRecord {
  readonly key: string;
  readonly isLocal: boolean;
}

export interface Remembered extends LastLook {
  /** The instruction, as progress names it. */
  readonly step?: string;
  /** Keys that lead to the same layer without reading content. */
  readonly quick: readonly QuickRecord[];
  /** False: the layer was found under the full key, which needs no new record. */
  readonly isMade: boolean;
  /** No step's result, but something on the way to one: it is not exported. */
  readonly isLocal?: boolean;
}

/** Keys by what they led to; `full` is the one that a quick key stands for. */
export type UsedKeys = ReadonlyMap<string, { readonly chain: ChainID; readonly full?: string | undefined }>;

export interface BuildCache {
  /** A layer that is gone is a miss. With `isUsed: false` the build does not stand on what is found: it is only looked at. */
  find(key: string, options?: { readonly isUsed?: boolean }): Promise<Found | undefined>;
  lastLook(place: string): LastLook | undefined;
  /** Written in the background; `settle` waits. Resolves when other builds see it. */
  remember(place: string, look: Remembered): Promise<void>;
  /** Every key that this build found or remembered and that means something on other machines. */
  readonly used: UsedKeys;
  /** Something is in it that was not before. */
  readonly hasNews: boolean;
  settle(): Promise<void>;
}

export function openCache(store: Store, imported?: ImportedCache): BuildCache {
  return new StoreCache(store, imported);
}

/** Lives for one build. */
class StoreCache implements BuildCache {
  readonly used = new Map<string, { readonly chain: ChainID; readonly full?: string | undefined }>();
  hasNews = false;
  readonly #store: Store;
  readonly #imported: ImportedCache | undefined;
  readonly #records: Table<CacheRecord>;
  readonly #looks: Table<LastLook>;
  /** Found in imported caches; they become records when somebody wanted their layer. */
  readonly #brought = new Map<string, Found>();
  readonly #pending: Promise<unknown>[] = [];
  readonly #hold: ReturnType<typeof holder>;

  constructor(store: Store, imported: ImportedCache | undefined) {
    this.#store = store;
    this.#imported = imported;
    this.#records = store.table<CacheRecord>(CACHE_TABLE);
    this.#looks = store.table<LastLook>(LOOKS_TABLE);
    this.#hold = holder(store, this.used);
  }

  async find(key: string, { isUsed = true }: { readonly isUsed?: boolean } = {}): Promise<Found | undefined> {
    const record = this.#records.get(key);
    const layer = record === undefined ? undefined : await this.#store.snapshots.use(record.chain);
    if (record === undefined || layer === undefined) return this.#findImported(key, isUsed);
    if (!isUsed) return { chainID: layer.chainID };
    const now = Date.now();
    if (record.at < now - USE_STEP_MS) this.#pending.push(this.#records.put(key, { ...record, at: now }));
    if (record.isLocal !== true) this.#note(key, record.chain, record.full);
    else if (record.full !== undefined) this.#note(record.full, record.chain);
    return { chainID: layer.chainID };
  }

  #findImported(key: string, isUsed: boolean): Found | undefined {
    const found = this.#imported?.find(key);
    if (found === undefined || !isUsed) return found;
    this.#brought.set(key, found);
    this.#note(key, found.chainID, found.full);
    return found;
  }

  lastLook(place: string): LastLook | undefined {
    return this.#looks.get(place);
  }

  async remember(place: string, { quick, isMade, step, isLocal = false, ...look }: Remembered): Promise<void> {
    const now = Date.now();
    this.hasNews ||= isMade;
    const { key, chain } = look;
    const record: CacheRecord = { chain, at: now, made: now, ...(step === undefined ? {} : { step }), ...(isLocal ? { isLocal } : {}) };
    if (!isLocal) this.#note(key, chain);
    const writes = quick.map(async (one) => {
      if (!one.isLocal) this.#note(one.key, chain, key);
      await this.#records.put(one.key, { ...record, full: key, ...(one.isLocal ? { isLocal: true } : {}) });
    });
    const all = Promise.all([this.#looks.put(place, look), ...(isMade ? [this.#records.put(key, record), this.#hold.all()] : []), ...writes]);
    this.#pending.push(all);
    await all;
  }

  async settle(): Promise<void> {
    for (const [key, { chainID: chain, full }] of this.#brought) {
      if ((await this.#store.snapshots.get(chain)) === undefined) continue; // nobody wanted its layer
      const record = { chain, at: Date.now(), made: Date.now() };
      this.#pending.push(this.#records.put(key, full === undefined ? record : { ...record, full }));
      if (full !== undefined) this.#pending.push(this.#records.put(full, record));
    }
    this.#pending.push(this.#hold.release());
    await Promise.all(this.#pending);
  }

  #note(key: string, chain: ChainID, full?: string): void {
    this.used.set(key, full === undefined ? { chain } : { chain, full });
    if (full !== undefined) this.used.set(full, { chain });
  }
}

/** What a build at work stands on stays, also when another process prunes the cache beside it. A build that makes nothing is too short to need it. */
function holder(store: Store, used: UsedKeys): { all(): Promise<void>; release(): Promise<void> } {
  const name = `build-${ownedName()}`;
  let isHeld = false;
  return {
    async all() {
      isHeld = true;
      await store.leases.hold(name, { chains: [...new Set([...used.values()].map(({ chain }) => chain))] }, { ephemeral: true });
    },
    async release() {
      if (isHeld) await store.leases.release(name);
    },
  };
}
