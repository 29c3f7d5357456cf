/** The build cache: from the key of a step to the layer it made, and what each place of a Dockerfile last looked like. */
import type { ChainID, Layer, Store } from "../../store/store.ts";
import type { KeyParts } from "./key.ts";

export interface CacheRecord {
  readonly chain: ChainID;
  /** Milliseconds since the epoch. */
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
  const records = store.table<CacheRecord>("builder.cache");
  const looks = store.table<LastLook>("builder.steps");
  const pending: Promise<void>[] = [];
  return {
    async find(key) {
      const record = records.get(key);
      return record === undefined ? undefined : await store.snapshots.use(record.chain);
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
