/** Files that may tell of packages, as an image or a folder has them in the end, and as each layer had them before. Nothing is run. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { layerInstructions } from "../../store/image/instructions.ts";
import { chainsOf } from "../../store/layer/chain.ts";
import { layerFile } from "../../store/layer/layer-file.ts";
import type { ImageConfig } from "../../store/oci.ts";
import type { ChainID, Layer, LayerEntry, Store } from "../../store/store.ts";
import type { SourceEntry } from "../context/tree.ts";

export interface TreeLayer {
  readonly diffID: string;
  readonly instruction: string;
}

export interface FileVersion {
  /** Index of the layer; undefined in a folder. */
  readonly layer: number | undefined;
  /** Where it is on this machine. */
  readonly file: string;
}

export interface TreeFile {
  readonly path: string;
  readonly isExecutable: boolean;
  /** What can be seen first, then what lower layers have in its place. */
  readonly versions: readonly [FileVersion, ...FileVersion[]];
}

export interface SoftwareTree {
  /** Lowest first. */
  readonly layers: readonly TreeLayer[];
  /** Regular files, sorted by path. */
  readonly files: readonly TreeFile[];
}

export type IsWanted = (path: string, isExecutable: boolean) => boolean;

type Source = Pick<Store, "snapshots">;

export async function imageTree(
  store: Source,
  chain: ChainID | undefined,
  config: Pick<ImageConfig, "rootfs" | "history">,
  isWanted: IsWanted,
): Promise<SoftwareTree> {
  const instructions = layerInstructions(config);
  const chains = chainsOf(config.rootfs.diff_ids);
  const layers = config.rootfs.diff_ids.map((diffID, index) => ({ diffID, instruction: instructions[index] ?? "" }));
  return { layers, files: await stackFiles(store, chain, chains, isWanted) };
}

/** Of a stack that is no image: its layers are not told. */
export async function stackTree(store: Source, chain: ChainID | undefined, isWanted: IsWanted): Promise<SoftwareTree> {
  const chains: ChainID[] = [];
  for (let at = chain; at !== undefined; at = (await store.snapshots.get(at))?.parent) chains.unshift(at);
  const files = await stackFiles(store, chain, chains, isWanted);
  return { layers: [], files: files.map((file) => ({ ...file, versions: [{ ...file.versions[0], layer: undefined }] })) };
}

export function folderTree(entries: readonly SourceEntry[], isWanted: IsWanted): SoftwareTree {
  const files = entries.filter(({ type, path, mode }) => type === "file" && isWanted(path, isExecutable(mode)));
  return {
    layers: [],
    files: files.map(({ path, mode, file }) => ({ path, isExecutable: isExecutable(mode), versions: [{ layer: undefined, file }] as const })).sort(byPath),
  };
}

async function stackFiles(store: Source, chain: ChainID | undefined, chains: readonly ChainID[], isWanted: IsWanted): Promise<readonly TreeFile[]> {
  const view = await store.snapshots.view(chain);
  const layers = (await Promise.all(chains.map(async (each) => await store.snapshots.get(each)))).flatMap((layer) => layer ?? []);
  const entries = await Promise.all(chains.map(async (each) => new Map((await store.snapshots.entries(each)).map((entry) => [entry.path, entry]))));
  const paths = new Set(
    entries.flatMap((own) => [...own.values()].filter((entry) => isRegular(entry) && isWanted(entry.path, isExecutable(entry.mode))).map(({ path }) => path)),
  );
  const files: TreeFile[] = [];
  for (const path of [...paths].sort()) {
    const seen = await view.lookup(path, { follow: false });
    const [first, ...older] = versionsOf(path, layers, entries);
    if (seen?.type !== "file" || seen.path !== path || first === undefined) continue;
    files.push({ path, isExecutable: isExecutable(seen.mode), versions: [{ ...first, file: seen.file }, ...older] });
  }
  return files;
}

/** Topmost first. */
function versionsOf(path: string, layers: readonly Layer[], entries: readonly ReadonlyMap<string, LayerEntry>[]): readonly FileVersion[] {
  return layers
    .flatMap((layer, index): readonly FileVersion[] => {
      const entry = entries[index]?.get(path);
      return entry !== undefined && isRegular(entry) ? [{ layer: index, file: layerFile(layer, path) }] : [];
    })
    .toReversed();
}

function isRegular({ type }: LayerEntry): boolean {
  return type === "file" || type === "hardlink";
}

function isExecutable(mode: number): boolean {
  return (mode & 0o111) !== 0;
}

function byPath(a: TreeFile, b: TreeFile): number {
  return a.path < b.path ? -1 : 1;
}

/** The first `limit` bytes, or undefined when the file is longer and all of it is needed. Never through a link. */
export function readVersion({ file }: FileVersion, limit: number, how: "whole" | "beginning" = "whole"): Buffer | undefined {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    if (size > limit && how === "whole") return undefined;
    const bytes = Buffer.alloc(Math.min(size, limit));
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) count = readSync(fd, bytes, length, bytes.length - length, length);
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
