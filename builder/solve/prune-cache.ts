/** Forgets steps of the build cache, and frees their layers. A layer that an image, a container or a build at work needs stays. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openLockFile } from "../../store/own-file.ts";
import { openFileLock } from "../../system/file-lock.ts";
import type { ChainID, Store } from "../../store/store.ts";
import { listMounts, removeMount } from "../cache/cache-mounts.ts";
import { planPrune, type CacheEntry, type PruneOptions } from "../cache/prune-plan.ts";
import { sidePath } from "../side-path.ts";
import { CACHE_TABLE, LOOKS_TABLE, type CacheRecord, type LastLook } from "./cache.ts";

export interface Pruned {
  readonly entries: readonly CacheEntry[];
  /** On disk. */
  readonly bytes: number;
}

/** Steps by their layers, and cache mounts. */
export async function listCache(store: Store): Promise<readonly CacheEntry[]> {
  const free = new Set((await store.care.collect({ cache: true, dryRun: true })).layers);
  const steps = new Map<ChainID, CacheEntry>();
  for (const [, { chain, at, made = at, step }] of store.table<CacheRecord>(CACHE_TABLE).list()) {
    const known = steps.get(chain);
    const layer = known === undefined ? await store.snapshots.get(chain) : undefined;
    if (known === undefined && layer === undefined) continue;
    const about = {
      id: chain,
      parent: layer?.parent ?? known?.parent,
      kind: "step",
      size: layer?.size ?? known?.size ?? 0,
      isShared: !free.has(chain),
    } as const;
    const description = step ?? known?.description ?? "";
    steps.set(chain, { ...about, made: Math.min(made, known?.made ?? made), at: Math.max(at, known?.at ?? at), description });
  }
  const mounts = listMounts(store).map(
    ({ id, path, size, made, at }) => ({ id: path, kind: "mount", size, made, at, isShared: false, description: id }) as const,
  );
  return [...steps.values(), ...mounts];
}

export async function pruneCache(store: Store, options: PruneOptions): Promise<Pruned> {
  const entries = await listCache(store);
  const gone = planPrune(entries, options);
  let bytes = 0;
  const removed: CacheEntry[] = [];
  for (const entry of gone) {
    if (entry.kind === "mount" && !(await removeMount(store, { path: entry.id }))) continue; // a build uses it
    if (entry.kind === "mount") bytes += entry.size;
    removed.push(entry);
  }
  await forget(store, new Set(removed.map(({ id }) => id)));
  sweepLocks(store.root);
  bytes += (await store.care.collect()).bytes;
  return { entries: removed, bytes };
}

/** Also those whose layer is gone. */
async function forget(store: Pick<Store, "root" | "table" | "snapshots">, chains: ReadonlySet<string>): Promise<void> {
  const records = store.table<CacheRecord>(CACHE_TABLE);
  const looks = store.table<LastLook>(LOOKS_TABLE);
  for (const [key, { chain }] of records.list()) if (chains.has(chain) || (await store.snapshots.get(chain)) === undefined) await records.remove(key);
  for (const [place, { key }] of looks.list()) {
    if (records.get(key) !== undefined) continue;
    await looks.remove(place);
    for (const kind of ["steps", "walks"] as const) rmSync(sidePath(store.root, kind, place), { force: true });
  }
}

/** Of builds that were killed. */
function sweepLocks(root: string): void {
  const folder = join(root, "builder", "locks");
  let names: readonly string[] = [];
  try {
    names = readdirSync(folder);
  } catch {
    return; // no build made anything yet
  }
  for (const name of names) {
    using lock = openFileLock(join(folder, name), openLockFile);
    if (lock.tryExclusive()) rmSync(join(folder, name), { force: true });
  }
}
