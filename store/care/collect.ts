/** Mark and sweep. Records go before what they lead to, so that an interruption leaves only rubbish, which the next collection finds. */
import { removeTree } from "../remove-tree.ts";
import { readdirSync, statSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { sweepUploads } from "../blob/ingests.ts";
import { sweepPartials } from "../blob/partials.ts";
import { isDigest, type Digest } from "../digest.ts";
import { ownedName } from "../owner.ts";
import { foldersOf } from "../layer/records.ts";
import type { ChainID, Collected, CollectOptions } from "../store.ts";
import { folderBytes } from "./folder-bytes.ts";
import { markAll, type MarkHost } from "./marks.ts";
import { fileClock, sparedSince } from "./session.ts";

export async function collect(host: MarkHost, { cache = false, partials = false, dryRun = false, asIfGone }: CollectOptions = {}): Promise<Collected> {
  if (!dryRun) sweepUploads(host.layout, Date.now());
  const left = sweepPartials(host.layout, Date.now(), { all: partials, dryRun });
  const spared = Math.min(sparedSince(host.layout, Date.now()), await fileClock(host.layout));
  const isYoung = (path: string): boolean => (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) >= spared;
  const isUsed = (folder: string): boolean => isYoung(join(host.layout.layers, folder));
  const marks = await markAll(host, { cache: !cache, isUsed, ...(dryRun && asIfGone !== undefined ? { asIfGone } : {}) });
  const lost = host.tables.layers.list().flatMap(([chain]) => (marks.layers.has(chain as ChainID) ? [] : [chain as ChainID]));
  const kept = keptFolders(host, new Set(lost));
  const folders = readdirSync(host.layout.layers).filter((id) => !kept.has(id) && !isUsed(id));
  const blobs: Digest[] = [];
  let bytes = left;
  for await (const { digest, size } of host.blobs.list()) {
    if (marks.blobs.has(digest) || isYoung(host.blobs.path(digest))) continue;
    blobs.push(digest);
    bytes += size;
  }
  for (const id of folders) bytes += folderBytes(join(host.layout.layers, id));
  if (!dryRun) await sweep(host, { layers: lost, folders, blobs }, isYoung);
  return { blobs, layers: lost, bytes };
}

/** Folders of the layers that stay. */
function keptFolders(host: MarkHost, lost: ReadonlySet<ChainID>): ReadonlySet<string> {
  return new Set(host.tables.layers.list().flatMap(([chain, { folder }]) => (lost.has(chain as ChainID) ? [] : foldersOf(folder).map(({ id }) => id))));
}

interface Rubbish {
  readonly layers: readonly ChainID[];
  readonly folders: readonly string[];
  readonly blobs: readonly Digest[];
}

/** Looks again before each: somebody may have come to rely on it meanwhile. */
async function sweep(host: MarkHost, { layers, folders, blobs }: Rubbish, isYoung: (path: string) => boolean): Promise<void> {
  const { tables, layout } = host;
  const isUsed = (folder: string): boolean => isYoung(join(layout.layers, folder));
  await Promise.all(
    layers.map(async (chain) => await tables.layers.update(chain, (current) => (current !== undefined && isUsed(current.folder.id) ? current : undefined))),
  );
  const kept = keptFolders(host, new Set());
  const alive = new Set(tables.layers.list().map(([, { diffID }]) => diffID));
  await Promise.all(tables.diffs.list().map(async ([diffID]) => (alive.has(diffID as Digest) ? false : await tables.diffs.remove(diffID))));
  for (const digest of blobs) if (!isYoung(host.blobs.path(digest))) await host.blobs.remove(digest);
  for (const [key] of host.referrers.list()) {
    const subject = key.slice(0, key.indexOf("@"));
    if (isDigest(subject) && (await host.blobs.stat(subject)) === undefined) await host.referrers.remove(key);
  }
  for (const id of folders) {
    if (kept.has(id) || isUsed(id)) continue;
    const aside = join(layout.ingest, ownedName());
    await rename(join(layout.layers, id), aside);
    await removeTree(aside);
  }
}
