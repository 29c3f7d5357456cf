/** The build cache: from the key of a step to the layer it made, and what each place of a Dockerfile last looked like. */
import { ownedName } from "../../store/owner.ts";
import type { ChainID, Store } from "../../store/store.ts";
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
  const records = store.table<CacheRecord>(CACHE_TABLE);
  const looks = store.table<LastLook>(LOOKS_TABLE);
  const used = new Map<string, { readonly chain: ChainID; readonly full?: string | undefined }>();
  const note = (key: string, chain: ChainID, full?: string): void => {
    used.set(key, full === undefined ? { chain } : { chain, full });
    if (full !== undefined) used.set(full, { chain });
  };
  const brought = new Map<string, Found>();
  const pending: Promise<unknown>[] = [];
  const hold = holder(store, used);
  let hasNews = false;
  return {
    used,
    get hasNews() {
      return hasNews;
    },
    async find(key, { isUsed = true } = {}) {
      const record = records.get(key);
      const layer = record === undefined ? undefined : await store.snapshots.use(record.chain);
      if (record === undefined || layer === undefined) {
        const found = imported?.find(key);
        if (found === undefined || !isUsed) return found;
        brought.set(key, found);
        note(key, found.chainID, found.full);
        return found;
      }
      if (!isUsed) return { chainID: layer.chainID };
      const now = Date.now();
      if (record.at < now - USE_STEP_MS) pending.push(records.put(key, { ...record, at: now }));
      if (record.isLocal !== true) note(key, record.chain, record.full);
      else if (record.full !== undefined) note(record.full, record.chain);
      return { chainID: layer.chainID };
    },
    lastLook: (place) => looks.get(place),
    async remember(place, { quick, isMade, step, isLocal = false, ...look }) {
      const now = Date.now();
      hasNews ||= isMade;
      const { key, chain } = look;
      const record: CacheRecord = { chain, at: now, made: now, ...(step === undefined ? {} : { step }), ...(isLocal ? { isLocal } : {}) };
      if (!isLocal) note(key, chain);
      const writes = quick.map(async (one) => {
        if (!one.isLocal) note(one.key, chain, key);
        await records.put(one.key, { ...record, full: key, ...(one.isLocal ? { isLocal: true } : {}) });
      });
      const all = Promise.all([looks.put(place, look), ...(isMade ? [records.put(key, record), hold.all()] : []), ...writes]);
      pending.push(all);
      await all;
    },
    async settle() {
      for (const [key, { chainID: chain, full }] of brought) {
        if ((await store.snapshots.get(chain)) === undefined) continue; // nobody wanted its layer
        const record = { chain, at: Date.now(), made: Date.now() };
        pending.push(records.put(key, full === undefined ? record : { ...record, full }));
        if (full !== undefined) pending.push(records.put(full, record));
      }
      pending.push(hold.release());
      await Promise.all(pending);
    },
  };
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
