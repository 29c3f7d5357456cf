/** Layers as folders: prepare a writable one, commit or write it, and look at stacks of them. */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "../errors.ts";
import { canonicalTar } from "../layer/canonical.ts";
import { entriesOf, folderReader } from "../layer/folder.ts";
import { normalEntries } from "../layer/normal.ts";
import { folderID, folderPath, hiddenFacts, layerOf, type FolderRecord, type LayerRecord } from "../layer/records.ts";
import { perform, type ResultOf, type Task, type Written } from "../layer/tasks.ts";
import { scanFolder } from "../native/scan.ts";
import { ownedName } from "../owner.ts";
import type { ActiveSnapshot, ChainID, Layer, LayerEntry, MergedView, Snapshots } from "../store.ts";
import { activeFolder, makeActive, readActive, removeActive } from "./active.ts";
import { impliedParents } from "./parents.ts";
import type { SnapshotHost } from "./host.ts";
import { openView, type ViewLayer } from "./view.ts";

type Core = Omit<Snapshots, "apply" | "blob" | "tar">;

/** Fewer and smaller than this is written at once: starting a thread takes longer. */
const INLINE_ENTRIES = 100;
const INLINE_BYTES = 1 << 20;

export function openSnapshots(host: SnapshotHost): Core {
  const { layout } = host;
  return {
    get: async (chain) => {
      const record = host.tables.layers.get(chain);
      return record === undefined ? undefined : layerOf(layout, chain, record);
    },
    lowers: async (chain) => stackOf(host, chain).map((record) => folderPath(layout, record.folder)),
    async prepare(key, parent, options) {
      stackOf(host, parent);
      await makeActive(layout, key, parent, options?.ephemeral === true);
      return activeOf(host, key, parent);
    },
    async active(key) {
      const found = await readActive(layout, key);
      return found === undefined ? undefined : activeOf(host, key, found.parent);
    },
    commit: async (key, options = {}) => await commit(host, key, options),
    write: async (parent, entries) => await write(host, parent, entries),
    view: async (chain, { above = [] } = {}) =>
      viewOf(host, chain, await Promise.all(above.map(async (path) => ({ path, record: await factsOf(host, path) })))),
    entries: async (chain) => entriesOf(await scanFolder(host.helper, folderPath(layout, recordOf(host, chain).folder))),
    remove: async (key) => await removeActive(layout, key),
  };
}

export function recordOf(host: SnapshotHost, chain: ChainID): LayerRecord {
  const record = host.tables.layers.get(chain);
  if (record === undefined) throw new StoreError("SNAPSHOT_UNKNOWN", `Cannot find snapshot ${chain}: it is not in the store`);
  return record;
}

/**
 * Topmost first; ends at a layer that hides all below its root. A folder that two layers share (the same changes made twice) is there once:
 * what the upper one says, the lower one could only repeat, and overlay refuses a folder given twice.
 */
export function stackOf(host: SnapshotHost, chain: ChainID | undefined): LayerRecord[] {
  const stack: LayerRecord[] = [];
  const seen = new Set<string>();
  for (let at = chain; at !== undefined;) {
    const record = recordOf(host, at);
    if (!seen.has(record.folder.id)) stack.push(record);
    seen.add(record.folder.id);
    at = record.folder.opaque?.includes("") === true ? undefined : record.parent;
  }
  return stack;
}

export function viewOf(host: SnapshotHost, chain: ChainID | undefined, above: readonly ViewLayer[] = []): MergedView {
  return openView([...above, ...stackOf(host, chain).map(({ folder }) => ({ path: folderPath(host.layout, folder), record: folder }))]);
}

/** Of a folder that no record describes. */
async function factsOf(host: SnapshotHost, path: string): Promise<ViewLayer["record"]> {
  return hiddenFacts(entriesOf(await scanFolder(host.helper, path)));
}

/** The bytes of a layer that is written again from its folder. */
export async function* folderTar(host: SnapshotHost, folder: FolderRecord): AsyncIterable<Uint8Array> {
  const path = folderPath(host.layout, folder);
  const entries = entriesOf(await scanFolder(host.helper, path));
  for (const bytes of canonicalTar(entries, folderReader(path))) yield Buffer.from(bytes);
}

function activeOf(host: SnapshotHost, key: string, parent: ChainID | undefined): ActiveSnapshot {
  const folder = activeFolder(host.layout, key);
  const lowers = stackOf(host, parent).map((record) => folderPath(host.layout, record.folder));
  return { key, parent, lowers, upper: join(folder, "fs"), work: join(folder, "work") };
}

async function write(host: SnapshotHost, parent: ChainID | undefined, given: readonly LayerEntry[]): Promise<Layer> {
  const entries = normalEntries([...given, ...(await impliedParents(given, viewOf(host, parent)))]);
  return await inNewFolder(host, async (aside) => {
    const folder = join(aside, "fs");
    await mkdir(folder, { mode: 0o755 });
    const written = await run(host, { kind: "create", helper: host.helper, folder, entries }, isSmall(entries));
    return await admit(host, aside, parent, written);
  });
}

function isSmall(entries: readonly LayerEntry[]): boolean {
  const unknown = entries.some(({ source, size }) => source !== undefined && !("bytes" in source) && size === undefined);
  return !unknown && entries.length <= INLINE_ENTRIES && entries.reduce((sum, { size = 0 }) => sum + size, 0) <= INLINE_BYTES;
}

async function run<T extends Task>(host: SnapshotHost, task: T, isInline: boolean): Promise<ResultOf<T>> {
  return isInline ? perform(task) : await host.workers().run(task);
}

async function commit(host: SnapshotHost, key: string, options: NonNullable<Parameters<Snapshots["commit"]>[1]>): Promise<Layer> {
  const { epoch, keep = false, omit = [] } = options;
  const found = await readActive(host.layout, key);
  if (found === undefined) throw new StoreError("SNAPSHOT_UNKNOWN", `Cannot commit snapshot ${key}: there is none of that name`);
  const upper = join(activeFolder(host.layout, key), "fs");
  if (keep) return await write(host, found.parent, await copies(host, upper, omit, epoch));
  for (const path of omit) await rm(join(upper, path), { recursive: true, force: true });
  return await inNewFolder(host, async (aside) => {
    const written = await run(host, { kind: "sum", helper: host.helper, folder: upper, ...(epoch === undefined ? {} : { epoch }) }, false);
    await rename(upper, join(aside, "fs"));
    const layer = await admit(host, aside, found.parent, written);
    await removeActive(host.layout, key);
    return layer;
  });
}

/** The upper folder of a running container, to be copied. */
async function copies(host: SnapshotHost, upper: string, omit: readonly string[], epoch = Number.MAX_SAFE_INTEGER): Promise<LayerEntry[]> {
  const isKept = (path: string): boolean => !omit.some((omitted) => path === omitted || path.startsWith(`${omitted}/`));
  return entriesOf(await scanFolder(host.helper, upper))
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
    await rm(aside, { recursive: true, force: true });
  }
}

/** Makes the finished folder a layer of the store. Somebody else may have been quicker with the same one: theirs is as good. */
async function admit(host: SnapshotHost, aside: string, parent: ChainID | undefined, written: Written): Promise<Layer> {
  const { diffID, size } = written;
  const known = host.tables.diffs.get(diffID)?.folder;
  const folder: FolderRecord = known ?? { id: folderID(diffID, true), ...written.facts };
  if (known === undefined) await moveIntoPlace(aside, join(host.layout.layers, folder.id));
  return await host.record(parent, { diffID, size, folder, isShared: true, canonical: true, blobs: {} });
}

export async function moveIntoPlace(aside: string, place: string): Promise<void> {
  try {
    await rename(aside, place);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
