/** The built file system as one tar, canonical: same files, same bytes. */
import * as fs from "node:fs";
import { filePath } from "../../store/file-names.ts";
import { canonicalTar, type FileReader } from "../../store/layer/canonical.ts";
import { normalEntries } from "../../store/layer/normal.ts";
import type { LayerEntry } from "../../store/store.ts";
import type { SourceEntry } from "../context/tree.ts";

export async function* rootfsTar(entries: readonly SourceEntry[]): AsyncIterable<Uint8Array> {
  for (const bytes of canonicalTar(normalEntries(withLinks(entries)), sourceReader())) yield Buffer.from(bytes);
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
      fd = fs.openSync(filePath(path), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
      return fs.fstatSync(fd).size;
    },
    read: (buffer, at, length) => fs.readSync(fd, buffer, at, length, null),
    close: () => fs.closeSync(fd),
  };
}
