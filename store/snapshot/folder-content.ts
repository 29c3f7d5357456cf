/** What is in a diff folder, read from the disk. */
import { canonicalTar } from "../layer/canonical.ts";
import { entriesOf, folderReader } from "../layer/folder.ts";
import { hiddenFacts, type FolderRecord } from "../layer/records.ts";
import { scanFolder } from "../native/scan.ts";
import type { LayerEntry } from "../store.ts";

/** Sorted by path. */
export async function folderEntries(helper: string, path: string): Promise<readonly LayerEntry[]> {
  return entriesOf(await scanFolder(helper, path));
}

/** Of a folder that no record describes. */
export async function folderFacts(helper: string, path: string): Promise<Omit<FolderRecord, "id">> {
  return hiddenFacts(await folderEntries(helper, path));
}

/** The bytes of a layer that is written again from its folder. */
export async function* folderTar(helper: string, path: string): AsyncIterable<Uint8Array> {
  const entries = await folderEntries(helper, path);
  for (const bytes of canonicalTar(entries, folderReader(path))) yield Buffer.from(bytes);
}
