/**
 * An exported build cache as a document: steps by their keys, and the layers that they gave, each on its parent. The document is the
 * config of an OCI manifest whose layers are ordinary ones, so any registry keeps them; or a field of an image's own config (inline).
 * A layer without a blob is a promise: what stands on it can be found, it itself would have to be made.
 */
import { isDigest, type Digest } from "../../store/digest.ts";
import { chainOf } from "../../store/layer/chain.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { ChainID } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";
import type { UsedKeys } from "../solve/cache.ts";

export const CACHE_CONFIG_TYPE = "application/vnd.strata.buildcache.v1+json";
/** Of an image's config. */
export const INLINE_FIELD = "strata.buildcache.v1";
const VERSION = 1;
const MAX_ENTRIES = 100_000;
const KEY = /^[0-9a-f]{64}$/;

export interface CachedLayer {
  readonly chain: ChainID;
  readonly parent: ChainID | undefined;
  readonly diffID: Digest;
  readonly blob: Descriptor | undefined;
}

export interface CacheContent {
  readonly layers: ReadonlyMap<ChainID, CachedLayer>;
  readonly steps: UsedKeys;
}

/** `parent`: a number is a layer before it, a digest a stack that the base image gives, null nothing. `blob`: which layer of the manifest. */
export interface CacheDocument {
  readonly version: typeof VERSION;
  readonly layers: readonly { readonly diffID: Digest; readonly parent: number | ChainID | null; readonly blob?: number }[];
  /** `full`: of a quick key, the one that it stands for. */
  readonly steps: readonly (readonly [key: string, layer: number, full?: string])[];
}

/** Same content, same bytes. `blobs` says which layer of the manifest is a chain's. */
export function encodeCache(steps: UsedKeys, layers: ReadonlyMap<ChainID, Omit<CachedLayer, "blob">>, blobs: ReadonlyMap<ChainID, number>): CacheDocument {
  const order = new Map<ChainID, number>();
  const add = (chain: ChainID): void => {
    const layer = layers.get(chain);
    if (order.has(chain) || layer === undefined) return;
    if (layer.parent !== undefined) add(layer.parent);
    order.set(chain, order.size);
  };
  const known = [...steps].filter(([, { chain }]) => layers.has(chain)).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [, { chain }] of known) add(chain);
  return {
    version: VERSION,
    layers: [...order.keys()].map((chain) => {
      const { diffID, parent } = layers.get(chain)!;
      const blob = blobs.get(chain);
      return { diffID, parent: parent === undefined ? null : (order.get(parent) ?? parent), ...(blob === undefined ? {} : { blob }) };
    }),
    steps: known.map(([key, { chain, full }]) => (full === undefined ? [key, order.get(chain)!] : [key, order.get(chain)!, full])),
  };
}

/** Nothing of the document is believed but by its form: names of stacks are computed here. @throws {BuilderError} `CACHE_INVALID` */
export function decodeCache(value: unknown, blobs: readonly Descriptor[]): CacheContent {
  if (!isDocument(value)) throw new BuilderError("CACHE_INVALID", "Cannot read build cache: it is not one that this version writes");
  const chains: ChainID[] = [];
  const layers = new Map<ChainID, CachedLayer>();
  for (const { diffID, parent: given, blob } of value.layers) {
    const parent = typeof given === "number" ? chains[given] : (given ?? undefined);
    if (!isDigest(diffID) || (typeof given === "number" && parent === undefined) || (parent !== undefined && !isDigest(parent)))
      throw new BuilderError("CACHE_INVALID", `Cannot read build cache: layer ${chains.length} stands on nothing`);
    const chain = chainOf(parent, diffID);
    chains.push(chain);
    if (layers.get(chain)?.blob === undefined) layers.set(chain, { chain, parent, diffID, blob: blob === undefined ? undefined : blobs[blob] });
  }
  const steps = new Map<string, { readonly chain: ChainID; readonly full?: string | undefined }>();
  for (const [key, at, full] of value.steps) {
    const chain = chains[at];
    if (!KEY.test(key) || chain === undefined || (full !== undefined && !KEY.test(full)))
      throw new BuilderError("CACHE_INVALID", `Cannot read build cache: step ${JSON.stringify(key)} has no layer`);
    steps.set(key, { chain, full });
  }
  return { layers, steps };
}

function isDocument(value: unknown): value is CacheDocument {
  const { version, layers, steps } = (typeof value === "object" && value !== null ? value : {}) as Partial<Record<keyof CacheDocument, unknown>>;
  if (version !== VERSION || !Array.isArray(layers) || !Array.isArray(steps) || layers.length + steps.length > MAX_ENTRIES) return false;
  return (
    layers.every((layer: unknown) => typeof layer === "object" && layer !== null) &&
    steps.every(
      (step: unknown) =>
        Array.isArray(step) && typeof step[0] === "string" && Number.isSafeInteger(step[1]) && (step[2] === undefined || typeof step[2] === "string"),
    )
  );
}
