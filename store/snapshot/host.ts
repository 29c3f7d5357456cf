/** What the parts of the snapshotter share. */
import type { Digest } from "../digest.ts";
import { chainOf } from "../layer/chain.ts";
import { layerOf, mergeDiff, type DiffRecord, type FolderRecord, type LayerTables } from "../layer/records.ts";
import type { Workers } from "../layer/workers.ts";
import type { Layout } from "../layout.ts";
import type { ChainID, Layer } from "../store.ts";
import type { Blobs } from "../content.ts";

export interface NewLayer extends Omit<DiffRecord, "folder"> {
  readonly diffID: Digest;
  readonly folder: FolderRecord;
  /** Any chain may use the folder. */
  readonly isShared: boolean;
}

export interface SnapshotHost {
  readonly layout: Layout;
  readonly treeTool: string;
  readonly tables: LayerTables;
  readonly blobs: () => Blobs;
  readonly workers: () => Promise<Workers>;
  /** To be told before a layer is written. */
  readonly begin: () => void;
  /** Writes both records of a layer whose folder stands in its place; idempotent. */
  record(parent: ChainID | undefined, layer: NewLayer): Promise<Layer>;
}

export async function recordLayer(layout: Layout, tables: LayerTables, parent: ChainID | undefined, layer: NewLayer): Promise<Layer> {
  const { diffID, size, folder, isShared, canonical, blobs } = layer;
  const chain = chainOf(parent, diffID);
  const found: DiffRecord = { size, canonical, blobs, ...(isShared ? { folder } : {}) };
  // Asked for in one turn, both go into one transaction.
  const [, record] = await Promise.all([
    tables.diffs.update(diffID, (current) => mergeDiff(current, found)),
    tables.layers.update(chain, (current) => current ?? { diffID, size, folder, ...(parent === undefined ? {} : { parent }) }),
  ]);
  return layerOf(layout, chain, record!);
}
