/** The caches of one build besides the store's own: those it looks into, and those it leaves. Loaded when a build has any. */
import type { Platform } from "../../store/oci.ts";
import type { ChainID, Layer, Store } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import type { BuildRequest } from "../request.ts";
import { CacheGap, type UsedKeys } from "../solve/cache.ts";
import { exportCache } from "./export-cache.ts";
import { Imports } from "./imports.ts";
import { inlineCache } from "./inline-cache.ts";
import { lazyStore } from "./lazy-store.ts";
import type { OpenCacheStorage } from "./storage.ts";

export interface BuildCaches extends AsyncDisposable {
  readonly imports: Imports;
  /** In which imported layers are as good as there. */
  readonly store: Store;
  /** Does `attempt` again when a cache could not keep what it promised. */
  retrying<Value>(attempt: () => Promise<Value>): Promise<Value>;
  /** Fields for the image's config. */
  inline(steps: UsedKeys, layers: readonly Layer[]): Promise<Readonly<Record<string, unknown>>>;
  export(steps: UsedKeys, chains: readonly (ChainID | undefined)[]): Promise<void>;
}

export interface CachesOptions {
  readonly storage: OpenCacheStorage | undefined;
  readonly platform: Platform;
  readonly progress: Progress;
}

export async function openCaches(store: Store, request: BuildRequest, { storage, platform, progress }: CachesOptions): Promise<BuildCaches> {
  const open = storage ?? (() => Promise.reject(new BuilderError("UNSUPPORTED", "Cannot use caches outside the store: nothing here can open them")));
  const imports = await Imports.open(store, request.cacheFrom ?? [], { open, platform, progress });
  return {
    imports,
    store: lazyStore(store, imports),
    async retrying(attempt) {
      for (;;) {
        try {
          return await attempt();
        } catch (error) {
          if (!(error instanceof CacheGap)) throw error;
          await imports.forget(error);
        }
      }
    },
    async inline(steps, layers) {
      if (request.inlineCache !== true) return {};
      return await inlineCache(
        { store, imports, steps, chains: [layers.at(-1)?.chainID] },
        layers.map(({ chainID }) => chainID),
      );
    },
    async export(steps, chains) {
      for (const target of request.cacheTo ?? []) await exportCache(target, { store, imports, steps, chains }, open, progress);
    },
    [Symbol.asyncDispose]: async () => await imports[Symbol.asyncDispose](),
  };
}
