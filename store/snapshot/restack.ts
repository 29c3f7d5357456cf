/** A layer on another parent: one more record, for the folder of a diff that says all of itself is good on any stack. */
import type { ChainID, Layer } from "../store.ts";
import type { SnapshotHost } from "./host.ts";
import { useFolder } from "./use.ts";

export async function restackLayer(host: SnapshotHost, parent: ChainID | undefined, layer: ChainID): Promise<Layer | undefined> {
  const diffID = host.tables.layers.get(layer)?.diffID;
  const diff = diffID === undefined ? undefined : host.tables.diffs.get(diffID);
  if (diffID === undefined || diff?.folder === undefined || !useFolder(host, diff.folder)) return undefined;
  return await host.record(parent, { ...diff, diffID, folder: diff.folder, isShared: true });
}
