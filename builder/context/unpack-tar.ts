/** A context that comes as a tar: made a folder. Links are made last, so that nothing in the tar can be written through them. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { filePath } from "../../store/file-names.ts";
import { openArchive, type ArchiveOptions } from "../copy/archive.ts";
import type { SourceEntry } from "./tree.ts";

/** `folder` must be new. @throws {BuilderError} `ARCHIVE_INVALID` */
export async function unpackTar(file: string, folder: string, options: ArchiveOptions): Promise<void> {
  writeEntries((await openArchive(file, options)).entries, folder);
}

/** What `openArchive` gave; its files are moved. */
export function writeEntries(entries: readonly SourceEntry[], folder: string): void {
  const at = (path: string): string | Buffer => filePath(join(folder, path));
  const firstNames = new Map<string, string>();
  for (const { path, type } of entries) fs.mkdirSync(at(type === "directory" ? path : dirname(path)), { recursive: true, mode: 0o755 });
  for (const entry of entries) if (entry.type === "file") placeFile(entry, at, firstNames);
  for (const { path, type, target = "" } of entries) if (type === "symlink") fs.symlinkSync(filePath(target), at(path));
  for (const { path, type, mode } of entries.toReversed()) if (type === "directory" && path !== "") fs.chmodSync(at(path), mode);
}

function placeFile({ path, file, inode, mode, mtime }: SourceEntry, at: (path: string) => string | Buffer, firstNames: Map<string, string>): void {
  const first = inode === undefined ? undefined : firstNames.get(inode);
  if (first !== undefined) {
    fs.linkSync(at(first), at(path));
    return;
  }
  if (inode !== undefined) firstNames.set(inode, path);
  if (file === "") fs.writeFileSync(at(path), "");
  else fs.renameSync(file, at(path));
  fs.chmodSync(at(path), mode);
  fs.utimesSync(at(path), mtime, mtime);
}
