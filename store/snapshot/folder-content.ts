/** What is in a diff folder, read from the disk. */
import { canonicalTar } from "../layer/canonical.ts";
import { entriesOf, folderReader } from "../layer/folder.ts";
import { normalEntries } from "../layer/normal.ts";
import { hiddenFacts, type FolderRecord } from "../layer/records.ts";
import type { Lending } from "../lent.ts";
import { scanFolder } from "../native/scan.ts";
import type { LayerEntry } from "../store.ts";

/** Sorted by path. `paths` as `folderPaths` gives them. */
export async function folderEntries(treeTool: string, paths: readonly string[]): Promise<readonly LayerEntry[]> {
  const [own = [], below] = await Promise.all(paths.map(async (path) => entriesOf(await scanFolder(treeTool, path))));
  return below === undefined ? own : amended(own, below);
}

/** Of a folder that no record describes. */
export async function folderFacts(treeTool: string, path: string): Promise<Omit<FolderRecord, "id">> {
  return hiddenFacts(await folderEntries(treeTool, [path]));
}

/** The bytes of a layer that is written again from its folder. */
export function folderTar(treeTool: string, paths: readonly string[]): Lending {
  async function* lend(): AsyncGenerator<Uint8Array> {
    yield* canonicalTar(await folderEntries(treeTool, paths), folderReader(paths));
  }
  return {
    lend,
    async *[Symbol.asyncIterator]() {
      for await (const bytes of lend()) yield Buffer.from(bytes);
    },
  };
}

/** What stands in a folder over another replaces it there; a whiteout says only that it is gone. */
function amended(own: readonly LayerEntry[], below: readonly LayerEntry[]): readonly LayerEntry[] {
  const given = new Set(own.map(({ path }) => path));
  const removed = own.filter(({ type }) => type === "whiteout").map(({ path }) => `${path}/`);
  const kept = below.filter(({ path }) => !given.has(path) && !removed.some((prefix) => path.startsWith(prefix)));
  return normalEntries([...own.filter(({ type }) => type !== "whiteout"), ...kept]);
}
