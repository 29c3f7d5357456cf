/**
 * A layer that is another's but for a few paths: a folder of only those, over the other's. Overlay stacks the two, so 20,000 files that did not
 * change are neither linked nor looked at, but for being read once for the digest of the tar.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createLayer } from "../layer/create.ts";
import { sumAmended } from "../layer/create-natively.ts";
import { normalEntries, parentOf } from "../layer/normal.ts";
import { folderID, folderPath, listPath, type FolderRecord } from "../layer/records.ts";
import { amendTarList, loadTarList } from "../layer/tar-list.ts";
import type { Amendment, ChainID, Layer, LayerEntry } from "../store.ts";
import type { SnapshotHost } from "./host.ts";
import { impliedParents } from "./parents.ts";
import { viewOf } from "./stack.ts";
import { useFolder } from "./use.ts";
import { admitFolder, inNewFolder } from "./write.ts";

export async function amendLayer(host: SnapshotHost, parent: ChainID | undefined, base: ChainID, changes: Amendment): Promise<Layer | undefined> {
  const below = host.tables.layers.get(base)?.folder;
  if (below === undefined || !isWhole(below) || !useFolder(host, below)) return undefined;
  const list = loadTarList(listPath(host.layout, below.id));
  const wishes = list === undefined ? undefined : amendTarList(list, changes.entries, changes.removed);
  if (wishes === undefined || !(await isOwn(host, parent, changes.removed))) return undefined;
  const entries = [...changes.entries, ...whiteouts(changes.removed)];
  const folders = await impliedParents(entries, viewOf(host, base));
  return await inNewFolder(host, async (aside) => {
    const folder = join(aside, "fs");
    await mkdir(folder, { mode: 0o755 });
    createLayer(host.treeTool, folder, normalEntries([...entries, ...folders]));
    const sum = await sumAmended(host.treeTool, folderPath(host.layout, below), wishes);
    const made = { id: `${folderID(sum.diffID, true)}-${below.id.slice(0, 8)}`, over: below.id };
    return await admitFolder(host, aside, parent, sum, made, changes.removed.length === 0);
  });
}

function isWhole({ over, opaque, xattrs }: FolderRecord): boolean {
  return over === undefined && opaque === undefined && xattrs === undefined;
}

/** A whiteout would hide what is below the layer too. */
async function isOwn(host: SnapshotHost, parent: ChainID | undefined, removed: readonly string[]): Promise<boolean> {
  const view = viewOf(host, parent);
  for (const path of removed) if ((await view.lookup(path, { follow: false })) !== undefined) return false;
  return true;
}

/** Of a folder that goes as a whole only the folder itself. */
function whiteouts(removed: readonly string[]): LayerEntry[] {
  const gone = new Set(removed);
  return removed.filter((path) => !gone.has(parentOf(path))).map((path) => ({ path, type: "whiteout", mode: 0, uid: 0, gid: 0, mtime: 0 }));
}
