/** Where each source lands. Spec: Dockerfile reference, "COPY", "ADD". */
import { posix } from "node:path";
import type { LayerEntry } from "../../store/store.ts";
import { belowPivot, pivotDepth } from "../context/selection.ts";
import type { Source, SourceEntry } from "../context/tree.ts";
import { BuilderError } from "../errors.ts";
import type { FileMode } from "./file-mode.ts";
import type { LayerPlan } from "./layer-plan.ts";
import type { Owner } from "./owner.ts";

/** Of all xattrs the one that is kept, as BuildKit keeps it. */
const CAPABILITY = "security.capability";
const ROOT: Owner = { uid: 0, gid: 0 };

export interface PlaceOptions {
  /** Absolute; a trailing slash means "into". */
  readonly destination: string;
  /** Undefined keeps the source's (0:0 for a context). */
  readonly owner: Owner | undefined;
  readonly mode: FileMode | undefined;
  /** Keep the source's folders below the destination, from the pivot `/./` on. */
  readonly parents: boolean;
  /** Seconds: later times become this. */
  readonly epoch: number;
  /** Path of an unchanged file in an earlier layer, if there is one. Called for every file. */
  readonly earlier?: (entry: LayerEntry, source: SourceEntry) => string | undefined;
}

/** A source with the pattern that found it. */
export interface Placed {
  readonly pattern: string;
  readonly source: Source;
}

/** Of an archive that is opened, what is in it. */
export type Opened = Placed & { readonly archive?: Source | undefined };

/** One over the other, in their order. @throws {BuilderError} `COPY_CONFLICT` */
export async function place(plan: LayerPlan, sources: readonly Opened[], options: PlaceOptions): Promise<void> {
  const isInto = options.destination.endsWith("/");
  const count = sources.filter(({ archive }) => archive === undefined).length;
  if (count > 1 && !isInto && !options.parents) {
    throw new BuilderError(
      "COPY_CONFLICT",
      `Cannot copy ${count} sources to ${options.destination}: with more than one source the destination must end with /`,
    );
  }
  for (const placed of sources) {
    if (placed.archive === undefined) await placeOne(plan, placed, options);
    else await placeArchive(plan, placed.archive, options);
  }
}

async function placeOne(plan: LayerPlan, { pattern, source }: Placed, options: PlaceOptions): Promise<void> {
  const destination = options.destination.replace(/^\/+|\/+$/g, "");
  const [itself] = source.entries;
  if (itself === undefined) return;
  if (options.parents) {
    await placeWithParents(plan, pattern, source, destination, options);
    return;
  }
  if (itself.type === "directory") {
    await placeBelow(plan, source, await plan.folder(destination), options);
    return;
  }
  const real = await plan.resolve(destination);
  const isFolder = options.destination.endsWith("/") || (await plan.lookup(real))?.type === "directory";
  const target = isFolder ? posix.join(destination, posix.basename(source.path)) : real;
  const folder = await plan.folder(posix.dirname(target).replace(/^\.$/, ""));
  await placeEntries(plan, [{ ...itself, path: posix.basename(target) }], folder, options);
}

/** Folders on the way that are not there yet look as they do in the source. */
async function placeWithParents(plan: LayerPlan, pattern: string, source: Source, destination: string, options: PlaceOptions): Promise<void> {
  const [itself] = source.entries;
  if (itself === undefined) return;
  const kept = belowPivot(pattern, source.path);
  const isFolder = itself.type === "directory";
  const way = [...(source.above ?? []), ...(isFolder ? [{ ...itself, path: source.path }] : [])].slice(pivotDepth(pattern));
  let folder = await plan.folder(destination);
  for (const entry of way) {
    const path = posix.join(destination, belowPivot(pattern, entry.path));
    folder = await plan.folder(path, layerEntry(entry, path, options));
  }
  if (isFolder) await placeBelow(plan, source, folder, options);
  else await placeEntries(plan, [{ ...itself, path: posix.basename(kept) }], folder, options);
}

/** An archive's entries replace whatever is there, as tar would; what it only implies is made, root's, or is gone through, links too. */
async function placeArchive(plan: LayerPlan, source: Source, options: PlaceOptions): Promise<void> {
  const destination = options.destination.replace(/^\/+|\/+$/g, "");
  await plan.folder(destination);
  const firstNames = new Map<string, string>();
  for (const entry of source.entries.slice(1)) {
    const slash = entry.path.lastIndexOf("/");
    const folder = await plan.folder(posix.join(destination, entry.path.slice(0, Math.max(0, slash))).replace(/^\.$/, ""), plan.plainFolder(ROOT));
    const name = entry.path.slice(slash + 1);
    await plan.replace(entryOf(entry, folder === "" ? name : `${folder}/${name}`, firstNames, options));
  }
}

async function placeBelow(plan: LayerPlan, source: Source, folder: string, options: PlaceOptions): Promise<void> {
  await placeEntries(plan, source.entries.slice(1), folder, options);
}

/** Entries sorted, their paths relative to `folder`, which is there. */
async function placeEntries(plan: LayerPlan, entries: readonly SourceEntry[], folder: string, options: PlaceOptions): Promise<void> {
  const firstNames = new Map<string, string>();
  for (const source of entries) {
    const path = folder === "" ? source.path : `${folder}/${source.path}`;
    const looking = plan.put(entryOf(source, path, firstNames, options));
    if (looking !== undefined) await looking; // most entries are in new folders: no turn of the loop for those
  }
}

/** `firstNames` knows, by inode, the first name of each file that has several. */
function entryOf(source: SourceEntry, path: string, firstNames: Map<string, string>, options: PlaceOptions): LayerEntry {
  const entry = layerEntry(source, path, options);
  const first = source.inode === undefined ? undefined : firstNames.get(source.inode);
  if (source.inode !== undefined && first === undefined) firstNames.set(source.inode, path);
  return first === undefined ? entry : { ...withoutContent(entry), type: "hardlink", target: first };
}

export type EntryOptions = Pick<PlaceOptions, "owner" | "mode" | "epoch" | "earlier">;

export function layerEntry(source: SourceEntry, path: string, options: EntryOptions): LayerEntry {
  const { type, mtime, target, major, minor, size } = source;
  const capability = source.xattrs?.[CAPABILITY];
  const entry: LayerEntry = {
    path,
    type,
    mode: type === "symlink" ? 0o777 : (options.mode?.(source.mode, type === "directory") ?? source.mode),
    uid: options.owner?.uid ?? source.uid,
    gid: options.owner?.gid ?? source.gid,
    mtime: Math.min(mtime, options.epoch),
    ...(target === undefined ? {} : { target }),
    ...(major === undefined ? {} : { major, minor: minor ?? 0 }),
    ...(capability === undefined ? {} : { xattrs: { [CAPABILITY]: capability } }),
  };
  if (type !== "file") return entry;
  const earlier = options.earlier?.(entry, source);
  if (source.bytes !== undefined) return { ...entry, size, source: { bytes: source.bytes } };
  const link = earlier ?? (source.isOwn === true ? source.file : undefined);
  return { ...entry, size, source: link === undefined ? { copy: source.file } : { link } };
}

function withoutContent(entry: LayerEntry): LayerEntry {
  const { source: _source, size: _size, xattrs: _xattrs, ...rest } = entry;
  return rest;
}
