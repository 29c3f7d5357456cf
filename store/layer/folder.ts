/** A committed diff folder read as entries: 0/0 devices are whiteouts, an xattr marks opaque folders, one inode is one file. */
import { closeSync, constants, lstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../errors.ts";
import { filePath } from "../file-names.ts";
import type { ScannedFile } from "../native/scan.ts";
import type { LayerEntry } from "../store.ts";
import type { FileReader } from "./canonical.ts";
import { normalEntries } from "./normal.ts";

const OPAQUE_XATTRS = ["trusted.overlay.opaque", "user.overlay.opaque"];
const REDIRECT_XATTRS = ["trusted.overlay.redirect", "user.overlay.redirect", "trusted.overlay.metacopy", "user.overlay.metacopy"];

/** @throws {StoreError} `LAYER_INVALID` */
export function entriesOf(files: readonly ScannedFile[]): LayerEntry[] {
  const first = new Map<string, string>();
  const entries: LayerEntry[] = [];
  for (const file of files) {
    if (file.type === "socket") continue; // a tar cannot hold one, and it means nothing without its process
    entries.push(entryOf(file, first));
    if (file.type === "directory" && OPAQUE_XATTRS.some((name) => file.xattrs?.[name]?.[0] === 0x79)) {
      entries.push({ path: file.path, type: "opaque", mode: 0, uid: 0, gid: 0, mtime: 0 });
    }
  }
  return normalEntries(entries);
}

function entryOf(file: ScannedFile, first: Map<string, string>): LayerEntry {
  const { path, mode, uid, gid, mtime, major, minor } = file;
  if (file.type === "character" && major === 0 && minor === 0) return { path, type: "whiteout", mode: 0, uid: 0, gid: 0, mtime: 0 };
  if (REDIRECT_XATTRS.some((name) => file.xattrs?.[name] !== undefined)) {
    throw new StoreError(
      "LAYER_INVALID",
      `Cannot read layer entry ${path}: it was written through an overlay with redirect_dir or metacopy, which keeps part of it elsewhere`,
    );
  }
  const inode = `${file.dev}:${file.ino}`;
  const target = file.type !== "directory" && file.nlink > 1 ? first.get(inode) : undefined;
  if (target !== undefined) return { path, type: "hardlink", mode, uid, gid, mtime, target };
  if (file.type !== "directory" && file.nlink > 1) first.set(inode, path);
  const xattrs = portableXattrs(file.xattrs);
  return {
    path,
    type: file.type as Exclude<ScannedFile["type"], "socket">,
    mode,
    uid,
    gid,
    mtime,
    ...(file.type === "file" ? { size: file.size } : {}),
    ...(file.target === undefined ? {} : { target: file.target }),
    ...(file.type === "character" || file.type === "block" ? { major, minor } : {}),
    ...(xattrs === undefined ? {} : { xattrs }),
  };
}

/** Those that mean the same on another machine: capabilities and users' own; not labels, not the overlay's bookkeeping. */
export function portableXattrs(xattrs: Readonly<Record<string, Uint8Array>> | undefined): Record<string, Uint8Array> | undefined {
  const kept = Object.entries(xattrs ?? {}).filter(
    ([name]) => name === "security.capability" || (/^(?:user|trusted)\./.test(name) && !/^(?:user|trusted)\.overlay\./.test(name)),
  );
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** Reads the files where the layer has them: in the first of `folders` that does. */
export function folderReader(folders: readonly string[]): FileReader {
  let fd = -1;
  return {
    open(entry) {
      const folder =
        folders.find((path, at) => at === folders.length - 1 || lstatSync(filePath(join(path, entry.path)), { throwIfNoEntry: false }) !== undefined) ?? "";
      fd = openSync(filePath(join(folder, entry.path)), constants.O_RDONLY | constants.O_NOFOLLOW);
      return entry.size ?? 0;
    },
    read: (buffer, at, length) => readSync(fd, buffer, at, length, null),
    close: () => closeSync(fd),
  };
}
