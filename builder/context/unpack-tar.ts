/** A context that comes as a tar: made a folder. Links are made last, so that nothing in the tar can be written through them. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { openArchive, type ArchiveOptions } from "../copy/archive.ts";
import type { SourceEntry } from "./tree.ts";

/** `folder` must be new. @throws {BuilderError} `ARCHIVE_INVALID` */
export async function unpackTar(file: string, folder: string, options: ArchiveOptions): Promise<void> {
  const { entries } = await openArchive(file, options);
  const firstNames = new Map<string, string>();
  for (const entry of entries) if (entry.type === "directory") fs.mkdirSync(join(folder, entry.path), { recursive: true, mode: 0o755 });
  for (const entry of entries) if (entry.type === "file") placeFile(entry, join(folder, entry.path), firstNames);
  for (const { path, type, target = "" } of entries) if (type === "symlink") fs.symlinkSync(target, join(folder, path));
  for (const { path, type, mode } of entries.toReversed()) if (type === "directory" && path !== "") fs.chmodSync(join(folder, path), mode);
}

function placeFile({ file, inode, mode, mtime }: SourceEntry, path: string, firstNames: Map<string, string>): void {
  const first = inode === undefined ? undefined : firstNames.get(inode);
  if (first !== undefined) {
    fs.linkSync(first, path);
    return;
  }
  if (inode !== undefined) firstNames.set(inode, path);
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.renameSync(file, path);
  fs.chmodSync(path, mode);
  fs.utimesSync(path, mtime, mtime);
}
