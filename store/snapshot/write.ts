/** New layers: from a writable one, or from a list of entries. Loaded when first needed: a build that finds everything in its cache writes none. */
import { removeTree } from "../remove-tree.ts";
import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StoreError } from "../errors.ts";
import { createLayer, sumTar, type TarSum } from "../layer/create.ts";
import { entriesOf, folderReader } from "../layer/folder.ts";
import { checkPaths, normalEntries } from "../layer/normal.ts";
import { folderID, hiddenFacts, type FolderRecord } from "../layer/records.ts";
import { scanFolder } from "../native/scan.ts";
import { ownedName } from "../owner.ts";
import { renew } from "../renew.ts";
import type { ChainID, Layer, LayerEntry, Snapshots } from "../store.ts";
import { activeFolder, readActive, removeActive } from "./active.ts";
import type { SnapshotHost } from "./host.ts";
import { impliedParents } from "./parents.ts";
import { viewOf } from "./stack.ts";
import { useFolder } from "./use.ts";

/** Fewer and smaller than this is written at once: starting a process takes longer. */
const INLINE_ENTRIES = 100;
const INLINE_BYTES = 1 << 20;
/** Fewer are written anew as quickly as amended. */
const LISTED_ENTRIES = 1000;

export async function writeLayer(host: SnapshotHost, parent: ChainID | undefined, given: readonly LayerEntry[]): Promise<Layer> {
  checkPaths(given);
  const entries = normalEntries([...given, ...(await impliedParents(given, viewOf(host, parent)))]);
  return await inNewFolder(host, async (aside) => {
    const folder = join(aside, "fs");
    await mkdir(folder, { mode: 0o755 });
    return await admit(host, aside, parent, entries, await create(host.treeTool, folder, entries));
  });
}

function isSmall(entries: readonly LayerEntry[]): boolean {
  const unknown = entries.some(({ source, size }) => source !== undefined && !("bytes" in source) && size === undefined);
  return !unknown && entries.length <= INLINE_ENTRIES && entries.reduce((sum, { size = 0 }) => sum + size, 0) <= INLINE_BYTES;
}

async function create(treeTool: string, folder: string, entries: readonly LayerEntry[]): Promise<TarSum> {
  if (isSmall(entries)) return createLayer(treeTool, folder, entries);
  const { createNatively } = await import("../layer/create-natively.ts");
  return await createNatively(treeTool, folder, entries, entries.length < LISTED_ENTRIES ? undefined : join(dirname(folder), "list"));
}

async function sum(treeTool: string, folder: string, entries: readonly LayerEntry[]): Promise<TarSum> {
  if (isSmall(entries)) return sumTar(entries, folderReader([folder]));
  const { sumNatively } = await import("../layer/create-natively.ts");
  return await sumNatively(treeTool, folder, entries);
}

export async function commitActive(host: SnapshotHost, key: string, options: NonNullable<Parameters<Snapshots["commit"]>[1]>): Promise<Layer> {
  const { epoch, keep = false, omit = [], folders = [], upper = join(activeFolder(host.layout, key), "fs") } = options;
  const found = readActive(host.layout, key);
  if (found === undefined) throw new StoreError("SNAPSHOT_UNKNOWN", `Cannot commit snapshot ${key}: there is none of that name`);
  if (keep) {
    const copied = await copies(host, upper, omit, epoch);
    const paths = new Set(copied.map(({ path }) => path));
    return await writeLayer(host, found.parent, [...copied, ...folders.filter((path) => !paths.has(path)).map(emptyFolder)]);
  }
  for (const path of omit) await removeTree(join(upper, path));
  return await inNewFolder(host, async (aside) => {
    const entries = entriesOf(await scanFolder(host.treeTool, upper, epoch === undefined ? {} : { epoch }));
    const summed = await sum(host.treeTool, upper, entries);
    await rename(upper, join(aside, "fs"));
    const layer = await admit(host, aside, found.parent, entries, summed);
    await removeActive(host.layout, key);
    return layer;
  });
}

/** Its time says nothing: the same commit gives the same bytes. */
function emptyFolder(path: string): LayerEntry {
  return { path, type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: 0 };
}

/** The upper folder of a running container, to be copied. */
async function copies(host: SnapshotHost, upper: string, omit: readonly string[], epoch = Number.MAX_SAFE_INTEGER): Promise<LayerEntry[]> {
  const isKept = (path: string): boolean => !omit.some((omitted) => path === omitted || path.startsWith(`${omitted}/`));
  return entriesOf(await scanFolder(host.treeTool, upper))
    .filter(({ path }) => isKept(path))
    .map((entry) => ({ ...entry, mtime: Math.min(entry.mtime, epoch), ...(entry.type === "file" ? { source: { copy: join(upper, entry.path) } } : {}) }));
}

export async function inNewFolder<T>(host: SnapshotHost, act: (aside: string) => Promise<T>): Promise<T> {
  host.begin();
  const aside = join(host.layout.ingest, ownedName());
  await mkdir(aside, { mode: 0o711 });
  try {
    return await act(aside);
  } finally {
    await removeTree(aside);
  }
}

/** Makes the finished folder a layer of the store. Somebody else may have been quicker with the same one: theirs is as good. */
async function admit(host: SnapshotHost, aside: string, parent: ChainID | undefined, entries: readonly LayerEntry[], sum: TarSum): Promise<Layer> {
  return await admitFolder(host, aside, parent, sum, { id: folderID(sum.diffID, true), ...hiddenFacts(entries) }, true);
}

export async function admitFolder(
  host: SnapshotHost,
  aside: string,
  parent: ChainID | undefined,
  { diffID, size }: TarSum,
  made: FolderRecord,
  isShared: boolean,
): Promise<Layer> {
  const known = host.tables.diffs.get(diffID)?.folder;
  const isThere = known !== undefined && useFolder(host, known);
  const folder = isThere ? known : made;
  if (!isThere) await moveIntoPlace(aside, join(host.layout.layers, folder.id));
  return await host.record(parent, { diffID, size, folder, isShared, canonical: true, blobs: {} });
}

export async function moveIntoPlace(aside: string, place: string): Promise<void> {
  try {
    await rename(aside, place);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    if (!renew(place)) await moveIntoPlace(aside, place); // it was just collected
  }
}
