/** Keeps the build cache within its bounds when a build has made something new: age, and a share of the disk. */
import { statfsSync } from "node:fs";
import type { Store } from "../../store/store.ts";
import { CACHE_TABLE, type CacheRecord } from "../solve/cache.ts";
import { parseBytes } from "../plan/mount.ts";
import { listMounts } from "./cache-mounts.ts";

/** Milliseconds. Steps that no build used for so long are forgotten. */
export const CACHE_AGE_MS = 30 * 24 * 3_600_000;
const DISK_SHARE = 0.2;
const MIN_LIMIT_BYTES = 2 << 30;

/** `limit` in bytes; undefined takes a fifth of the disk. When there is nothing to do it reads records and measures cache mounts, but no layer. */
export async function autoPrune(store: Store, limit: number | undefined): Promise<void> {
  const keep = limit ?? defaultLimit(store.root);
  const before = Date.now() - CACHE_AGE_MS;
  const records = store.table<CacheRecord>(CACHE_TABLE).list();
  let bytes = listMounts(store).reduce((sum, { size }) => sum + size, 0);
  for (const chain of new Set(records.map(([, record]) => record.chain))) bytes += (await store.snapshots.get(chain))?.size ?? 0;
  const isOld = records.some(([, { at }]) => at < before);
  if (!isOld && bytes <= keep) return;
  const { pruneCache } = await import("../solve/prune-cache.ts");
  if (isOld) await pruneCache(store, { before });
  if (bytes > keep) await pruneCache(store, { keep });
}

/** `20GB`; `off` for none; undefined and nothing take the default. @throws {BuilderError} `FLAG_INVALID` */
export function cacheLimit(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  return text === "off" ? Infinity : parseBytes(text);
}

function defaultLimit(root: string): number {
  const { bsize, blocks } = statfsSync(root);
  return Math.max(MIN_LIMIT_BYTES, Math.floor(bsize * blocks * DISK_SHARE));
}
