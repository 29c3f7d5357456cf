/** Forgets steps that were not used for long, or whose layer is gone. The layers themselves go with the next collection. */
import { rmSync } from "node:fs";
import type { Store } from "../../store/store.ts";
import { sidePath } from "../side-path.ts";
import { CACHE_TABLE, LOOKS_TABLE, type CacheRecord, type LastLook } from "./cache.ts";

/** `before` in milliseconds since the epoch: what was used since then stays. */
export async function pruneCache(store: Pick<Store, "root" | "table" | "snapshots">, before: number): Promise<void> {
  const records = store.table<CacheRecord>(CACHE_TABLE);
  const { pruneRemote } = await import("../remote/prune.ts");
  pruneRemote(store.root, before);
  const looks = store.table<LastLook>(LOOKS_TABLE);
  for (const [key, { chain, at }] of records.list()) {
    if (at < before || (await store.snapshots.get(chain)) === undefined) await records.remove(key);
  }
  for (const [place, { key }] of looks.list()) {
    if (records.get(key) !== undefined) continue;
    await looks.remove(place);
    rmSync(sidePath(store.root, "steps", place), { force: true });
  }
}
