/** Disk use in docker's rows. */
import { join } from "node:path";
import type { Digest } from "../digest.ts";
import { foldersOf } from "../layer/records.ts";
import { blobPath } from "../layout.ts";
import type { ChainID, StoreUsage } from "../store.ts";
import { collect } from "./collect.ts";
import { folderBytes } from "./folder-bytes.ts";
import { markAll, markImage, type MarkHost, type Marks } from "./marks.ts";
import { statSync } from "node:fs";

export async function usage(host: MarkHost, imagesInUse: ReadonlySet<Digest>): Promise<StoreUsage> {
  const folders = new Map<string, number>();
  const layerBytes = (chains: Iterable<ChainID>): number => {
    const ids = new Set([...chains].flatMap((chain) => layerFolders(host, chain)));
    return sum([...ids].map((id) => folders.get(id) ?? remember(folders, id, folderBytes(join(host.layout.layers, id)))));
  };
  const images: Marks = { blobs: new Set(), layers: new Set() };
  const targets = new Map(host.images.list().map(([, image]) => [image.target.digest, image] as const));
  for (const { target } of targets.values()) await markImage(host, images, target);
  const used = [...targets.values()].filter(({ ids }) => ids.some((id) => imagesInUse.has(id)));
  const inUse: Marks = { blobs: new Set(), layers: new Set() };
  for (const { target } of used) await markImage(host, inUse, target);

  const [all, withoutCache] = [await markAll(host, { cache: true }), await markAll(host, { cache: false })];
  const cached = [...all.layers].filter((chain) => !withoutCache.layers.has(chain) && host.tables.layers.get(chain) !== undefined);
  const size = layerBytes(images.layers) + blobBytes(host, images.blobs);
  const cacheSize = layerBytes(cached);
  const blobs = await allBlobs(host);
  return {
    images: { total: targets.size, active: used.length, size, reclaimable: size - layerBytes(inUse.layers) - blobBytes(host, inUse.blobs) },
    cache: { total: cached.length, active: 0, size: cacheSize, reclaimable: cacheSize },
    blobs: { total: blobs.count, active: blobs.count, size: blobs.size, reclaimable: (await collect(host, { dryRun: true })).bytes },
  };
}

function layerFolders(host: MarkHost, chain: ChainID): readonly string[] {
  const record = host.tables.layers.get(chain);
  return record === undefined ? [] : foldersOf(record.folder).map(({ id }) => id);
}

function blobBytes(host: MarkHost, digests: Iterable<Digest>): number {
  return sum([...digests].map((digest) => statSync(blobPath(host.layout, digest), { throwIfNoEntry: false })?.size ?? 0));
}

async function allBlobs(host: MarkHost): Promise<{ readonly count: number; readonly size: number }> {
  let [count, size] = [0, 0];
  for await (const blob of host.blobs.list()) {
    count++;
    size += blob.size;
  }
  return { count, size };
}

function remember(folders: Map<string, number>, id: string, bytes: number): number {
  folders.set(id, bytes);
  return bytes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
