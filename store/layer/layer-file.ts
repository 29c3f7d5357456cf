/** Where a path of a layer is on this machine: in the layer's own folder, else in the one that it stands over. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Layer } from "../store.ts";

export function layerFile({ folder, over }: Pick<Layer, "folder" | "over">, path: string): string {
  const own = join(folder, path);
  return over === undefined || lstatSync(own, { throwIfNoEntry: false }) !== undefined ? own : join(over, path);
}
