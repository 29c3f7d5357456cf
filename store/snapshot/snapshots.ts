/** Layers as folders: prepare a writable one, commit or write it, and look at stacks of them. What writes is loaded when first needed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { folderPath, folderPaths, layerOf } from "../layer/records.ts";
import type { ActiveSnapshot, ChainID, Snapshots } from "../store.ts";
import { activeFolder, makeActive, readActive, removeActive } from "./active.ts";
import type { SnapshotHost } from "./host.ts";
import { recordOf, stackOf, viewOf } from "./stack.ts";
import { useLayer } from "./use.ts";

export function openSnapshots(host: SnapshotHost): Snapshots {
  const { layout, treeTool } = host;
  return {
    get: async (chain) => {
      const record = host.tables.layers.get(chain);
      return record === undefined ? undefined : layerOf(layout, chain, record);
    },
    use: async (chain) => useLayer(host, chain),
    lowers: async (chain) => stackOf(host, chain).map((folder) => folderPath(layout, folder)),
    async prepare(key, parent, options) {
      stackOf(host, parent);
      await makeActive(layout, key, parent, options);
      return activeOf(host, key, parent);
    },
    async active(key) {
      const found = readActive(layout, key);
      return found === undefined ? undefined : activeOf(host, key, found.parent);
    },
    commit: async (key, options = {}) => await (await import("./write.ts")).commitActive(host, key, options),
    write: async (parent, entries) => await (await import("./write.ts")).writeLayer(host, parent, entries),
    amend: async (parent, base, changes) => await (await import("./amend.ts")).amendLayer(host, parent, base, changes),
    restack: async (parent, layer) => await (await import("./restack.ts")).restackLayer(host, parent, layer),
    apply: async (parent, blob, diffID, content) => await (await import("./apply.ts")).applyBlob(host, parent, blob, diffID, content),
    stage: async (blob, diffID, content) => await (await import("./apply.ts")).stageLayer(host, blob, diffID, content),
    async *tar(chain) {
      yield* (await import("./blob.ts")).layerTar(host, chain);
    },
    original: async (chain) => await (await import("./blob.ts")).originalBlob(host, chain),
    pack: async (chain) => await (await import("./pack.ts")).packLayer(host, chain),
    blob: async (chain, compression, level) => await (await import("./blob.ts")).layerBlob(host, chain, compression, level),
    async view(chain, { above = [] } = {}) {
      if (above.length === 0) return viewOf(host, chain);
      const { folderFacts } = await import("./folder-content.ts");
      return viewOf(host, chain, await Promise.all(above.map(async (path) => ({ path, record: await folderFacts(treeTool, path) }))));
    },
    entries: async (chain) => await (await import("./folder-content.ts")).folderEntries(treeTool, folderPaths(layout, recordOf(host, chain).folder)),
    remove: async (key) => await removeActive(layout, key),
  };
}

function activeOf(host: SnapshotHost, key: string, parent: ChainID | undefined): ActiveSnapshot {
  const folder = activeFolder(host.layout, key);
  const lowers = stackOf(host, parent).map((record) => folderPath(host.layout, record));
  const image = join(folder, "disk");
  if (!existsSync(image)) return { key, parent, lowers, upper: join(folder, "fs"), work: join(folder, "work") };
  const target = join(folder, "mounted");
  return { key, parent, lowers, upper: join(target, "fs"), work: join(target, "work"), disk: { image, target } };
}
