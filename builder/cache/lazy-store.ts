/** A store in which layers of imported caches are as good as there: whoever looks into one, or builds on it, has it fetched first. */
import type { ChainID, Layer, Store } from "../../store/store.ts";

export interface LazyLayers {
  /** Has the stack in the store, if it is one of theirs. */
  bring(chain: ChainID): Promise<void>;
  /** As `Snapshots.restack`, of one of theirs. */
  restack(parent: ChainID | undefined, layer: ChainID): Promise<Layer | undefined>;
}

export function lazyStore(store: Store, layers: LazyLayers): Store {
  const { snapshots } = store;
  const have = async (chain: ChainID | undefined): Promise<void> => {
    if (chain !== undefined) await layers.bring(chain);
  };
  return {
    ...store,
    snapshots: {
      ...snapshots,
      get: async (chain) => (await have(chain), await snapshots.get(chain)),
      use: async (chain) => (await have(chain), await snapshots.use(chain)),
      lowers: async (chain) => (await have(chain), await snapshots.lowers(chain)),
      prepare: async (key, parent, options) => (await have(parent), await snapshots.prepare(key, parent, options)),
      write: async (parent, entries) => (await have(parent), await snapshots.write(parent, entries)),
      apply: async (parent, blob, diffID, content) => (await have(parent), await snapshots.apply(parent, blob, diffID, content)),
      amend: async (parent, base, changes) => (await have(parent), await have(base), await snapshots.amend(parent, base, changes)),
      restack: async (parent, layer) => (await have(parent), (await snapshots.restack(parent, layer)) ?? (await layers.restack(parent, layer))),
      view: async (chain, options) => (await have(chain), await snapshots.view(chain, options)),
      entries: async (chain) => (await have(chain), await snapshots.entries(chain)),
      pack: async (chain) => (await have(chain), await snapshots.pack(chain)),
      blob: async (chain, compression, level) => (await have(chain), await snapshots.blob(chain, compression, level)),
    },
  };
}
