/**
 * Caches of --cache-from: looked into before the first step, their layers fetched when a step or the result needs them, side by side,
 * each verified against the digest of its blob and of its content before it is a layer of the store.
 */
import type { Platform } from "../../store/oci.ts";
import type { ChainID, Layer, StagedLayer, Store } from "../../store/store.ts";
import type { Progress } from "../progress.ts";
import { CacheGap, type Found, type ImportedCache } from "../solve/cache.ts";
import { Semaphore } from "../solve/semaphore.ts";
import type { CacheContent, CachedLayer } from "./format.ts";
import { readCache } from "./read-cache.ts";
import { placeName, type CachePlace, type CacheStorage, type OpenCacheStorage } from "./storage.ts";

const PARALLEL = 4;

interface Source {
  readonly name: string;
  readonly storage: CacheStorage;
  readonly content: CacheContent;
}

interface ImportedLayer extends CachedLayer {
  readonly source: Source;
}

export interface ImportOptions {
  readonly open: OpenCacheStorage;
  readonly platform: Platform;
  readonly progress: Progress;
}

export class Imports implements ImportedCache, AsyncDisposable {
  readonly #sources: readonly Source[];
  readonly #store: Store;
  readonly #progress: Progress;
  /** Layers that could not be had; a key that leads to one is a miss. */
  readonly #lost = new Set<ChainID>();
  readonly #turn = new Semaphore(PARALLEL);
  #bringing: Promise<void> = Promise.resolve();

  private constructor(store: Store, sources: readonly Source[], progress: Progress) {
    this.#store = store;
    this.#sources = sources;
    this.#progress = progress;
  }

  /** A cache that cannot be read is a warning and holds nothing. */
  static async open(store: Store, places: readonly CachePlace[], options: ImportOptions): Promise<Imports> {
    const sources = await Promise.all(places.map(async (place) => await openSource(place, options)));
    return new Imports(
      store,
      sources.flatMap((source) => source ?? []),
      options.progress,
    );
  }

  find(key: string): Found | undefined {
    for (const { content, name } of this.#sources) {
      const step = content.steps.get(key);
      if (step !== undefined && !this.#lost.has(step.chain)) return { chainID: step.chain, from: name, full: step.full };
    }
    return undefined;
  }

  /** The layer of that name in the first cache that has its content, or promises it. */
  layer(chain: ChainID): ImportedLayer | undefined {
    let promised: ImportedLayer | undefined;
    for (const source of this.#sources) {
      const layer = source.content.layers.get(chain);
      if (layer?.blob !== undefined) return { ...layer, source };
      if (layer !== undefined) promised ??= { ...layer, source };
    }
    return promised;
  }

  /** From now on the keys of this layer are misses, and those of the promises below it, which making it would ask for. */
  async forget({ chain, message }: CacheGap): Promise<void> {
    const vertex = this.#progress.start("[internal] look again without a layer that a cache promised");
    vertex.output("stderr", Buffer.from(`${message}\n`));
    this.#lost.add(chain);
    for (let at = this.layer(chain)?.parent; at !== undefined && (await this.#store.snapshots.get(at)) === undefined; at = this.layer(at)?.parent) {
      if (this.layer(at)?.blob === undefined) this.#lost.add(at);
    }
    vertex.done();
  }

  /** Has the stack in the store; nothing happens to one that no cache knows. @throws {CacheGap} when it cannot be had */
  async bring(chain: ChainID): Promise<void> {
    if (this.layer(chain) === undefined || (await this.#store.snapshots.use(chain)) !== undefined) return;
    const turn = this.#bringing.then(async () => await this.#bring(chain));
    this.#bringing = turn.catch(() => undefined);
    await turn;
  }

  /** Only the layer itself is fetched, not what it stood on. @throws {CacheGap} when it cannot be had */
  async restack(parent: ChainID | undefined, chain: ChainID): Promise<Layer | undefined> {
    const layer = this.layer(chain);
    if (layer?.blob === undefined) return undefined;
    await using staged = await this.#turn.run(async () => await this.#stage(layer));
    return await staged.commit(parent);
  }

  async #bring(top: ChainID): Promise<void> {
    const missing: ImportedLayer[] = [];
    for (let at: ChainID | undefined = top; at !== undefined && (await this.#store.snapshots.use(at)) === undefined;) {
      const layer = this.layer(at);
      if (layer === undefined) throw new CacheGap(top, `Cannot use cached layer ${top}: ${at}, which it stands on, is not here`);
      missing.unshift(layer);
      at = layer.parent;
    }
    const gap = missing.find(({ blob }) => blob === undefined);
    if (gap !== undefined) throw new CacheGap(gap.chain, `Cannot use cached layer ${gap.chain}: ${gap.source.name} has its key but not its content`);
    const staged = await Promise.allSettled(missing.map(async (layer) => await this.#turn.run(async () => await this.#stage(layer))));
    try {
      for (const [at, layer] of staged.entries()) {
        if (layer.status === "rejected") throw layer.reason;
        await layer.value.commit(missing[at]!.parent);
      }
    } finally {
      for (const layer of staged) if (layer.status === "fulfilled") await layer.value[Symbol.asyncDispose]();
    }
  }

  async #stage({ chain, blob, diffID, source }: ImportedLayer): Promise<StagedLayer> {
    const vertex = this.#progress.start(`[internal] load layer ${diffID.slice(7, 19)} from cache ${source.name}`);
    try {
      const isHere = await this.#store.blobs.has(blob!);
      const staged = await this.#store.snapshots.stage(blob!, diffID, isHere ? undefined : source.storage.fetch(blob!));
      vertex.done();
      return staged;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      vertex.failed(reason, true);
      throw new CacheGap(chain, `Cannot use cached layer ${diffID} of ${source.name}: ${reason}`, { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bringing;
    for (const { storage } of this.#sources) await storage[Symbol.asyncDispose]();
  }
}

async function openSource(place: CachePlace, { open, platform, progress }: ImportOptions): Promise<Source | undefined> {
  const name = placeName(place);
  const vertex = progress.start(`importing cache manifest from ${name}`);
  let storage: CacheStorage | undefined;
  try {
    storage = await open(place);
    const content = await readCache(storage, platform);
    vertex.done();
    return { name, storage, content };
  } catch (error) {
    await storage?.[Symbol.asyncDispose]();
    vertex.output("stderr", Buffer.from(`WARNING: cache ${name} is not used: ${error instanceof Error ? error.message : String(error)}\n`));
    vertex.done();
    return undefined;
  }
}
