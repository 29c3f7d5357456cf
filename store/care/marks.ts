/** What must stay: everything that images, writable snapshots and the records of all rooms lead to. */
import { isDigest, type Digest } from "../digest.ts";
import { isIndex, isManifest, parseConfig, parseIndex, parseManifest } from "../image/documents.ts";
import type { StoredImage } from "../image/record.ts";
import { listReferrers } from "../image/referrers.ts";
import { chainsOf } from "../layer/chain.ts";
import type { LayerRecord, LayerTables } from "../layer/records.ts";
import type { Layout } from "../layout.ts";
import type { Descriptor } from "../oci.ts";
import { listActive, readActive } from "../snapshot/active.ts";
import type { ChainID } from "../store.ts";
import type { Table } from "../tables.ts";
import type { Blobs } from "../content.ts";

export interface Marks {
  readonly blobs: Set<Digest>;
  readonly layers: Set<ChainID>;
}

export interface MarkHost {
  readonly layout: Layout;
  readonly blobs: Blobs;
  readonly tables: LayerTables;
  readonly images: Table<StoredImage>;
  readonly referrers: Table<Descriptor>;
  /** Every record of every table: `<table>/<key>` and its value. */
  readonly records: () => Iterable<readonly [key: string, value: unknown]>;
}

/** The store's own records are what is decided about; the memory of what was pushed and seen where is no claim. */
const CLAIMLESS = /^(?:store\.(?!leases\/)|builder\.|registry\.(?:pushed|places)\/)/;
const CACHE = /^builder\./;
const DIGESTS = /sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}/g;

export interface MarkOptions {
  readonly cache: boolean;
  /** Layers that somebody at work now relies on. */
  readonly isUsed?: (folder: string) => boolean;
  /** Records that are no claim. */
  readonly asIfGone?: (record: string) => boolean;
}

export async function markAll(host: MarkHost, options: MarkOptions): Promise<Marks> {
  const marks: Marks = { blobs: new Set(), layers: new Set() };
  for (const [, image] of host.images.list()) await markImage(host, marks, image.target);
  for (const key of listActive(host.layout)) markChain(host, marks, readActive(host.layout, key)?.parent);
  for (const [key, value] of host.records()) {
    if (options.asIfGone?.(key) === true) continue;
    if (!CLAIMLESS.test(key) || (options.cache && CACHE.test(key))) markText(host, marks, `${key} ${JSON.stringify(value)}`);
  }
  const layers = host.tables.layers.list();
  for (const [chain, { folder }] of layers) if (options.isUsed?.(folder.id) === true) markChain(host, marks, chain as ChainID);
  markTars(host, marks, layers);
  for (const chain of marks.layers) markBlobsOf(host, marks, chain);
  return marks;
}

/** What an image's documents lead to; parts that are not here are no concern. */
export async function markImage(host: MarkHost, marks: Marks, target: Descriptor): Promise<void> {
  if (marks.blobs.has(target.digest)) return;
  marks.blobs.add(target.digest);
  if ((await host.blobs.stat(target.digest)) === undefined) return;
  for (const referrer of listReferrers(host.referrers, target.digest)) await markImage(host, marks, referrer);
  if (isIndex(target)) {
    for (const manifest of parseIndex(await host.blobs.read(target.digest)).manifests) await markImage(host, marks, manifest);
    return;
  }
  if (!isManifest(target)) return;
  const { config, layers } = parseManifest(await host.blobs.read(target.digest));
  for (const { digest } of [config, ...layers]) marks.blobs.add(digest);
  if ((await host.blobs.stat(config.digest)) === undefined) return;
  const diffIDs = tryDiffIDs(await host.blobs.read(config.digest));
  for (const chain of chainsOf(diffIDs)) markChain(host, marks, chain);
}

/** Artifacts have configs of their own kind, without layers of files. */
function tryDiffIDs(bytes: Uint8Array): readonly Digest[] {
  try {
    return parseConfig(bytes).rootfs.diff_ids;
  } catch {
    return [];
  }
}

function markChain(host: MarkHost, marks: Marks, chain: ChainID | undefined): void {
  for (let at = chain; at !== undefined && !marks.layers.has(at); at = host.tables.layers.get(at)?.parent) marks.layers.add(at);
}

/** A digest may name a blob, a stack, or the tar of a layer. */
function markText(host: MarkHost, marks: Marks, text: string): void {
  for (const [digest] of text.matchAll(DIGESTS)) {
    if (!isDigest(digest)) continue;
    marks.blobs.add(digest);
    if (host.tables.layers.get(digest) !== undefined) markChain(host, marks, digest);
  }
}

/** A tar that is only there as files, and that somebody names as a blob: one layer of it stays. */
function markTars(host: MarkHost, marks: Marks, layers: readonly (readonly [chain: string, record: LayerRecord])[]): void {
  const kept = new Set(layers.flatMap(([chain, { diffID }]) => (marks.layers.has(chain as ChainID) ? [diffID] : [])));
  for (const [chain, { diffID }] of layers) {
    if (kept.has(diffID) || !marks.blobs.has(diffID) || host.tables.diffs.get(diffID)?.canonical !== true) continue;
    kept.add(diffID);
    markChain(host, marks, chain as ChainID);
  }
}

/** A layer keeps the blobs it came as or was packed into. */
function markBlobsOf(host: MarkHost, marks: Marks, chain: ChainID): void {
  const record = host.tables.layers.get(chain);
  const diff = record === undefined ? undefined : host.tables.diffs.get(record.diffID);
  for (const blob of Object.values(diff?.blobs ?? {})) if (blob !== undefined) marks.blobs.add(blob.digest);
}
