/** type=inline: the cache as a field of the image's own config, whose layers the image has anyway. */
import type { ChainID } from "../../store/store.ts";
import { encodeCache, INLINE_FIELD } from "./format.ts";
import { layersOfSteps, resultLayers, type Exported } from "./export-cache.ts";

/** `chains`: the image's stack, lowest first. Steps of other stages are in it as promises. */
export async function inlineCache(exported: Exported, chains: readonly ChainID[]): Promise<Readonly<Record<string, unknown>>> {
  const layers = await layersOfSteps(exported);
  const own = resultLayers(layers, exported.chains);
  const blobs = new Map(chains.flatMap((chain, at) => (own.has(chain) ? [[chain, at] as const] : [])));
  return { [INLINE_FIELD]: encodeCache(exported.steps, layers, blobs) };
}
