/** The built file system outside the store: as one tar, or as a folder. */
import * as fs from "node:fs";
import { join } from "node:path";
import { canonicalTar, type FileReader } from "../../store/layer/canonical.ts";
import { normalEntries } from "../../store/layer/normal.ts";
import type { ChainID, LayerEntry, Store } from "../../store/store.ts";
import { StackTree } from "../context/stack-tree.ts";
import type { SourceEntry } from "../context/tree.ts";
import { BuilderError } from "../errors.ts";

/** Every file of the stack, canonical: same stack, same bytes. */
export async function* rootfsTar(store: Store, chain: ChainID | undefined): AsyncIterable<Uint8Array> {
  const entries = normalEntries(withLinks(await rootfsEntries(store, chain)));
  for (const bytes of canonicalTar(entries, sourceReader())) yield Buffer.from(bytes);
}

/** Files that are there already are replaced, others stay. Owners are not kept unless the user is root. @throws {BuilderError} `OUTPUT_FAILED` */
export async function writeRootfs(store: Store, chain: ChainID | undefined, folder: string): Promise<void> {
  fs.mkdirSync(folder, { recursive: true });
  const entries = await rootfsEntries(store, chain);
  try {
    for (const entry of entries) writeEntry(folder, entry);
    for (const { path, type, mode, mtime } of entries.toReversed()) {
      if (type !== "directory") continue;
      fs.chmodSync(join(folder, path), mode);
      fs.utimesSync(join(folder, path), mtime, mtime);
    }
  } catch (error) {
    throw new BuilderError("OUTPUT_FAILED", `Cannot write the result to ${folder}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

async function rootfsEntries(store: Store, chain: ChainID | undefined): Promise<readonly SourceEntry[]> {
  if (chain === undefined) return [];
  const [root] = await new StackTree(await store.snapshots.view(chain), "the result").select("/", { exclude: [] });
  return root?.entries.slice(1) ?? [];
}

function withLinks(entries: readonly SourceEntry[]): readonly LayerEntry[] {
  const first = new Map<string, string>();
  return entries.map(({ file, inode, size, stamp: _stamp, bytes: _bytes, ...entry }) => {
    const target = inode === undefined ? undefined : first.get(inode);
    if (target !== undefined) return { ...entry, type: "hardlink", target };
    if (inode !== undefined) first.set(inode, entry.path);
    return entry.type === "file" ? { ...entry, size, source: { copy: file } } : entry;
  });
}

function sourceReader(): FileReader {
  let fd = -1;
  return {
    open(entry) {
      const path = entry.source !== undefined && "copy" in entry.source ? entry.source.copy : "";
      fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
      return fs.fstatSync(fd).size;
    },
    read: (buffer, at, length) => fs.readSync(fd, buffer, at, length, null),
    close: () => fs.closeSync(fd),
  };
}

/** Never through a link that stands at the destination. */
function writeEntry(folder: string, entry: SourceEntry): void {
  const path = join(folder, entry.path);
  const existing = fs.lstatSync(path, { throwIfNoEntry: false });
  if (entry.type === "directory") {
    if (existing !== undefined && !existing.isDirectory()) fs.rmSync(path);
    if (existing?.isDirectory() !== true) fs.mkdirSync(path, { mode: 0o755 });
    return;
  }
  if (existing !== undefined) fs.rmSync(path);
  if (entry.type === "symlink") fs.symlinkSync(entry.target ?? "", path);
  else if (entry.type === "file") {
    fs.copyFileSync(entry.file, path, fs.constants.COPYFILE_EXCL);
    fs.chmodSync(path, entry.mode);
    fs.utimesSync(path, entry.mtime, entry.mtime);
  }
}
