/** Relying on a layer that nobody may hold any more: it is made young, so that a collection beside this process spares it and all below. */
import { dirname } from "node:path";
import { folderPaths, layerOf, type FolderRecord } from "../layer/records.ts";
import { renew } from "../renew.ts";
import type { ChainID, Layer } from "../store.ts";
import type { SnapshotHost } from "./host.ts";

export function useLayer(host: SnapshotHost, chain: ChainID): Layer | undefined {
  const found = host.tables.layers.get(chain);
  if (found === undefined || !useFolder(host, found.folder)) return undefined;
  const record = host.tables.layers.get(chain); // it may have gone before it was young
  return record === undefined ? undefined : layerOf(host.layout, chain, record);
}

/** False when it is gone. */
export function useFolder(host: SnapshotHost, folder: FolderRecord): boolean {
  host.begin();
  return folderPaths(host.layout, folder).every((path) => renew(dirname(path)));
}
