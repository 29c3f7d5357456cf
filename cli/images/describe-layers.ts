/** An image layer by layer, and two images beside each other, as plain data. */
import type { Digest } from "../../store/digest.ts";
import { layerInstructions } from "../../store/image/instructions.ts";
import { chainsOf } from "../../store/layer/chain.ts";
import { layerFile } from "../../store/layer/layer-file.ts";
import { stackChanges, type LayerReport, type WastedFile } from "../../store/layer/changes.ts";
import type { Image, Layer, LayerEntry, MergedView, Store, ViewEntry } from "../../store/store.ts";
import { alignLayers } from "./align-layers.ts";
import { isSameEntry, type LocatedEntry } from "./compare-files.ts";
import { configChanges, type ConfigChange } from "./config-diff.ts";

export interface DescribedLayer extends LayerReport {
  /** From 1. */
  readonly layer: number;
  readonly diffID: Digest;
  readonly instruction: string;
}

export interface DescribedImage {
  readonly name: string;
  readonly id: Digest;
  readonly layers: readonly DescribedLayer[];
  /** Of files' content, in all layers together. */
  readonly bytes: number;
  readonly wasted: number;
  readonly waste: readonly WastedFile[];
}

/** Bytes of a file before and after; undefined where it is not. */
export interface FileChange {
  readonly kind: "added" | "changed" | "removed";
  readonly path: string;
  readonly before?: number;
  readonly after?: number;
}

export interface LayerPair {
  readonly state: "same" | "changed" | "added" | "removed";
  readonly before?: DescribedLayer;
  readonly after?: DescribedLayer;
  /** Of a changed one: its own files against those of its twin. */
  readonly files?: readonly FileChange[];
}

export interface ImageDifference {
  readonly before: DescribedImage;
  readonly after: DescribedImage;
  readonly config: readonly ConfigChange[];
  readonly layers: readonly LayerPair[];
  /** Of the whole root, all layers merged. */
  readonly files: readonly FileChange[];
}

interface Opened {
  readonly described: DescribedImage;
  readonly entries: readonly (readonly LayerEntry[])[];
  readonly layers: readonly Layer[];
  readonly view: MergedView;
}

export async function describeImage(store: Store, image: Image, name: string): Promise<DescribedImage> {
  return (await open(store, image, name)).described;
}

export async function compareImages(store: Store, images: readonly [Image, Image], names: readonly [string, string]): Promise<ImageDifference> {
  const [before, after] = [await open(store, images[0], names[0]), await open(store, images[1], names[1])];
  const files: FileChange[] = [];
  await compareFolders(before.view, after.view, "", files);
  return {
    before: before.described,
    after: after.described,
    config: configChanges(images[0].config, images[1].config),
    layers: alignLayers(before.described.layers, after.described.layers).map((pair) => describePair(before, after, pair)),
    files,
  };
}

async function open(store: Store, image: Image, name: string): Promise<Opened> {
  const chain = await store.images.unpack(image);
  const chains = chainsOf(image.config.rootfs.diff_ids);
  const entries = await Promise.all(chains.map(async (each) => await store.snapshots.entries(each)));
  const own = (await Promise.all(chains.map(async (each) => await store.snapshots.get(each)))).flatMap((layer) => layer ?? []);
  const report = stackChanges(entries);
  const instructions = layerInstructions(image.config);
  const layers = report.layers.map((layer, at) => ({
    layer: at + 1,
    diffID: image.config.rootfs.diff_ids[at]!,
    instruction: instructions[at] ?? "",
    ...layer,
  }));
  const total = (field: "bytes" | "wasted"): number => layers.reduce((sum, layer) => sum + layer[field], 0);
  const described = { name, id: image.id, layers, bytes: total("bytes"), wasted: total("wasted"), waste: report.waste };
  return { described, entries, layers: own, view: await store.snapshots.view(chain) };
}

function describePair(one: Opened, other: Opened, pair: { readonly before: number | undefined; readonly after: number | undefined }): LayerPair {
  const before = pair.before === undefined ? undefined : one.described.layers[pair.before];
  const after = pair.after === undefined ? undefined : other.described.layers[pair.after];
  if (before === undefined || after === undefined)
    return { state: before === undefined ? "added" : "removed", ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
  if (before.diffID === after.diffID) return { state: "same", before, after };
  return { state: "changed", before, after, files: compareLayers(located(one, before.layer - 1), located(other, after.layer - 1)) };
}

function located({ entries, layers }: Opened, index: number): ReadonlyMap<string, LocatedEntry> {
  const layer = layers[index];
  if (layer === undefined) return new Map();
  return new Map((entries[index] ?? []).flatMap((entry) => (entry.type === "opaque" ? [] : [[entry.path, { entry, file: layerFile(layer, entry.path) }]])));
}

function compareLayers(before: ReadonlyMap<string, LocatedEntry>, after: ReadonlyMap<string, LocatedEntry>): readonly FileChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => change(path, before.get(path), after.get(path)));
}

function change(path: string, a: LocatedEntry | undefined, b: LocatedEntry | undefined): readonly FileChange[] {
  const sizes = { ...(a?.entry.size === undefined ? {} : { before: a.entry.size }), ...(b?.entry.size === undefined ? {} : { after: b.entry.size }) };
  if (a === undefined) return [{ kind: "added", path, ...sizes }];
  if (b === undefined) return [{ kind: "removed", path, ...sizes }];
  return isSameEntry(a, b) ? [] : [{ kind: "changed", path, ...sizes }];
}

async function compareFolders(before: MergedView, after: MergedView, folder: string, into: FileChange[]): Promise<void> {
  const names = new Set([...(await before.list(folder)), ...(await after.list(folder))]);
  for (const name of [...names].sort()) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const [old, now] = await Promise.all([before, after].map(async (view) => await view.lookup(path, { follow: false })));
    into.push(...change(path, asLocated(old), asLocated(now)));
    if (old?.type === "directory" || now?.type === "directory") await compareFolders(asFolder(old, before), asFolder(now, after), path, into);
  }
}

function asLocated(entry: ViewEntry | undefined): LocatedEntry | undefined {
  return entry === undefined ? undefined : { entry, file: entry.file };
}

const NOTHING: MergedView = { lookup: async () => undefined, list: async () => [], read: async () => undefined, lines: () => [] };

/** A link to a folder is no folder: what it leads to is compared where it is. */
function asFolder(entry: ViewEntry | undefined, view: MergedView): MergedView {
  return entry?.type === "directory" ? view : NOTHING;
}
