/** Folders that a layer's entries stand in but do not list: they are taken from below, as they are there. */
import { StoreError } from "../errors.ts";
import { parentOf } from "../layer/normal.ts";
import type { LayerEntry, MergedView } from "../store.ts";

/** @throws {StoreError} `LAYER_INVALID` when a parent is neither listed nor a folder below */
export async function impliedParents(entries: readonly LayerEntry[], below: MergedView): Promise<LayerEntry[]> {
  const listed = new Set(entries.filter(({ type }) => type === "directory").map(({ path }) => path));
  const implied = new Map<string, LayerEntry>();
  let last = "/";
  for (const { path, type } of entries) {
    if (type !== "opaque" && path.lastIndexOf("/") === last.length && path.startsWith(last)) continue; // where the one before was
    for (let parent = type === "opaque" ? path : parentOf(path); parent !== "" && !listed.has(parent) && !implied.has(parent); parent = parentOf(parent)) {
      const found = await below.lookup(parent, { follow: false });
      if (found?.type !== "directory" || found.path !== parent) {
        throw new StoreError(
          "LAYER_INVALID",
          `Cannot write layer entry ${path}: its parent ${parent} is ${found === undefined ? "absent" : `a ${found.type}`}`,
        );
      }
      const { file: _, ...entry } = found;
      implied.set(parent, entry);
    }
    last = type === "opaque" ? path : parentOf(path);
  }
  return [...implied.values()];
}
