/** Mark and sweep. Records go before what they lead to, so that an interruption leaves only rubbish, which the next collection finds. */
import { readdirSync, statSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../digest.ts";
import { ownedName } from "../owner.ts";
import type { ChainID, Collected } from "../store.ts";
import { folderBytes } from "./folder-bytes.ts";
import { markAll, type MarkHost } from "./marks.ts";
import { sparedSince } from "./session.ts";

export interface CollectOptions {
  /** The build cache holds nothing. */
  readonly cache?: boolean;
  readonly dryRun?: boolean;
}

export async function collect(host: MarkHost, { cache = false, dryRun = false }: CollectOptions = {}): Promise<Collected> {
  const spared = sparedSince(host.layout, Date.now());
  const marks = await markAll(host, { cache: !cache });
  const layers = host.tables.layers.list().flatMap(([chain]) => (marks.layers.has(chain as ChainID) ? [] : [chain as ChainID]));
  const isYoung = (path: string): boolean => (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) >= spared; // the clock of files may stand still for some milliseconds
  const lost = layers.filter((chain) => !isYoung(join(host.layout.layers, host.tables.layers.get(chain)?.folder.id ?? "")));
  const kept = keptFolders(host, new Set(lost));
  const folders = readdirSync(host.layout.layers).filter((id) => !kept.has(id) && !isYoung(join(host.layout.layers, id)));
  const blobs: Digest[] = [];
  let bytes = 0;
  for await (const { digest, size } of host.blobs.list()) {
    if (marks.blobs.has(digest) || isYoung(host.blobs.path(digest))) continue;
    blobs.push(digest);
    bytes += size;
  }
  for (const id of folders) bytes += folderBytes(join(host.layout.layers, id));
  if (!dryRun) await sweep(host, lost, folders, blobs);
  return { blobs, layers: lost, bytes };
}

/** Folders of the layers that stay. */
function keptFolders(host: MarkHost, lost: ReadonlySet<ChainID>): ReadonlySet<string> {
  return new Set(host.tables.layers.list().flatMap(([chain, { folder }]) => (lost.has(chain as ChainID) ? [] : [folder.id])));
}

async function sweep(host: MarkHost, layers: readonly ChainID[], folders: readonly string[], blobs: readonly Digest[]): Promise<void> {
  const { tables, layout } = host;
  await Promise.all(layers.map(async (chain) => await tables.layers.remove(chain)));
  const alive = new Set(tables.layers.list().map(([, { diffID }]) => diffID));
  await Promise.all(tables.diffs.list().map(async ([diffID]) => (alive.has(diffID as Digest) ? false : await tables.diffs.remove(diffID))));
  for (const digest of blobs) await host.blobs.remove(digest);
  for (const id of folders) {
    const aside = join(layout.ingest, ownedName());
    await rename(join(layout.layers, id), aside);
    await rm(aside, { recursive: true, force: true });
  }
}
