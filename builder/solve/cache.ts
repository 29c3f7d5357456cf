/** The build cache: from the key of a step to the layer it made, and what each place of a Dockerfile last looked like. */
import type { ChainID, Layer, Store } from "../../store/store.ts";
import type { KeyParts } from "./key.ts";

export const CACHE_TABLE = "builder.cache";
export const LOOKS_TABLE = "builder.steps";
/** Milliseconds. The time of use is no finer than this, so that most hits write nothing. */
const USE_STEP_MS = 24 * 3_600_000;

export interface CacheRecord {
  readonly chain: ChainID;
  /** Milliseconds since the epoch: when it was made, or used on a later day. */
  readonly at: number;
}

/** The last look of one step, found by its place rather than its content. */
export interface LastLook {
  readonly key: string;
  readonly parts: KeyParts;
  readonly chain: ChainID;
}

export interface BuildCache {
  /** A layer that is gone is a miss. */
  find(key: string): Promise<Layer | undefined>;
  lastLook(place: string): LastLook | undefined;
  /** Written in the background; `settle` waits. */
  remember(keys: readonly string[], place: string, look: LastLook): void;
  settle(): Promise<void>;
}

export function openCache(store: Store): BuildCache {
  const records = store.table<CacheRecord>(CACHE_TABLE);
  const looks = store.table<LastLook>(LOOKS_TABLE);
  const pending: Promise<void>[] = [];
  return {
    async find(key) {
      const record = records.get(key);
      const layer = record === undefined ? undefined : await store.snapshots.use(record.chain);
      const now = Date.now();
      if (layer !== undefined && record!.at < now - USE_STEP_MS) pending.push(records.put(key, { ...record!, at: now }));
      return layer;
    },
    lastLook: (place) => looks.get(place),
    remember(keys, place, look) {
      for (const key of keys) pending.push(records.put(key, { chain: look.chain, at: Date.now() }));
      pending.push(looks.put(place, look));
    },
    async settle() {
      await Promise.all(pending);
    },
  };
}
