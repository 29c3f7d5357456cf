/** Stacks of committed layers, as records and seen merged. */
import { StoreError } from "../errors.ts";
import { folderPath, foldersOf, type FolderRecord, type LayerRecord } from "../layer/records.ts";
import type { ChainID, MergedView } from "../store.ts";
import type { SnapshotHost } from "./host.ts";
import { openView, type ViewLayer } from "./view.ts";

/** @throws {StoreError} `SNAPSHOT_UNKNOWN` */
export function recordOf(host: SnapshotHost, chain: ChainID): LayerRecord {
  const record = host.tables.layers.get(chain);
  if (record === undefined) throw new StoreError("SNAPSHOT_UNKNOWN", `Cannot find snapshot ${chain}: it is not in the store`);
  return record;
}

/**
 * Topmost first; ends at a layer that hides all below its root. A folder that two layers share (the same changes made twice) is there once:
 * what the upper one says, the lower one could only repeat, and overlay refuses a folder given twice.
 */
export function stackOf(host: SnapshotHost, chain: ChainID | undefined): FolderRecord[] {
  const stack: FolderRecord[] = [];
  const seen = new Set<string>();
  for (let at = chain; at !== undefined;) {
    const record = recordOf(host, at);
    for (const folder of foldersOf(record.folder)) {
      if (!seen.has(folder.id)) stack.push(folder);
      seen.add(folder.id);
    }
    at = record.folder.opaque?.includes("") === true ? undefined : record.parent;
  }
  return stack;
}

export function viewOf(host: SnapshotHost, chain: ChainID | undefined, above: readonly ViewLayer[] = []): MergedView {
  return openView([...above, ...stackOf(host, chain).map((folder) => ({ path: folderPath(host.layout, folder), record: folder }))]);
}
