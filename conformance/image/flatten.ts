/** Layers on top of each other, as one file system. Spec: image-spec v1.1, layer.md, "Changesets" and "Whiteouts". */
import { ConformanceError } from "../errors.ts";
import type { Entry, Tree } from "./entry.ts";
import type { LayerEntry } from "./layer.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

export function flatten(layers: readonly (readonly LayerEntry[])[]): Tree {
  const tree = new Map<string, Entry>();
  for (const layer of layers) {
    for (const { path } of layer) hide(tree, path); // first: a whiteout hides what is below its layer, not what is in it
    for (const entry of layer) if (!isWhiteout(entry.path)) put(tree, entry);
  }
  return tree;
}

function isWhiteout(path: string): boolean {
  return basename(path).startsWith(WHITEOUT);
}

function hide(tree: Map<string, Entry>, path: string): void {
  if (!isWhiteout(path)) return;
  const folder = path.slice(0, -basename(path).length);
  if (basename(path) === OPAQUE) removeBelow(tree, folder);
  else remove(tree, folder + basename(path).slice(WHITEOUT.length));
}

function put(tree: Map<string, Entry>, found: LayerEntry): void {
  const entry = found.kind === "entry" ? found.entry : tree.get(found.to);
  if (entry === undefined) throw new ConformanceError(`Cannot flatten a layer: ${found.path} is a hard link to nothing`);
  if (entry.type !== "directory" && tree.get(found.path)?.type === "directory") removeBelow(tree, `${found.path}/`);
  tree.set(found.path, entry);
}

function remove(tree: Map<string, Entry>, path: string): void {
  tree.delete(path);
  removeBelow(tree, `${path}/`);
}

function removeBelow(tree: Map<string, Entry>, prefix: string): void {
  for (const path of tree.keys()) if (path.startsWith(prefix)) tree.delete(path);
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
