/** An image as `save` writes it, of docker and of strata: its configuration and its flattened file system. */
import { mkdirSync, openSync, closeSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { run } from "../command.ts";
import { ConformanceError } from "../errors.ts";
import type { Tree } from "./entry.ts";
import { flatten } from "./flatten.ts";
import { type LayerEntry, readLayer } from "./layer.ts";

/** The parts of an image configuration that are looked at. Spec: image-spec v1.1, config.md, with docker's additions. */
export interface ImageConfig {
  readonly author?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly history?: readonly { readonly created_by?: string; readonly empty_layer?: boolean; readonly comment?: string }[];
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

export interface Image {
  readonly config: ImageConfig;
  readonly tree: Tree;
}

/** Layers that were read, by diff id: the base is in every image. */
export type LayerCache = Map<string, readonly LayerEntry[]>;

export async function readArchive(archive: string, folder: string, layers: LayerCache): Promise<Image> {
  mkdirSync(folder);
  await run(["tar", "--extract", "--file", archive, "--directory", folder]);
  const [manifest] = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as readonly { Config: string; Layers: readonly string[] }[];
  if (manifest === undefined) throw new ConformanceError(`Cannot read ${archive}: there is no image in it`);
  const config = JSON.parse(readFileSync(join(folder, manifest.Config), "utf8")) as ImageConfig;
  const contents = await Promise.all(
    manifest.Layers.map(async (name, index) => await readOnce(join(folder, name), config.rootfs.diff_ids[index] ?? "", layers)),
  );
  return { config, tree: flatten(contents) };
}

async function readOnce(file: string, diffId: string, layers: LayerCache): Promise<readonly LayerEntry[]> {
  const found = layers.get(diffId);
  if (found !== undefined) return found;
  const entries = await readLayer(file, isGzip(file));
  layers.set(diffId, entries);
  return entries;
}

function isGzip(file: string): boolean {
  const fd = openSync(file, "r");
  try {
    const start = Buffer.alloc(2);
    return readSync(fd, start, 0, 2, 0) === 2 && start.readUInt16BE() === 0x1f8b;
  } finally {
    closeSync(fd);
  }
}
