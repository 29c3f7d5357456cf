/**
 * Writes a layer's folder and its tar's digest in one pass: each file is read once, and what was read is both written and hashed.
 * Synchronous: for a handful of small files; create-natively.ts does what is more.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { finish, type Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { filePath } from "../file-names.ts";
import { applyOperations, type Operation } from "../native/operations.ts";
import type { LayerEntry } from "../store.ts";
import { isInUserNamespace } from "../user-namespace.ts";
import { canonicalTar, type FileReader } from "./canonical.ts";

export interface TarSum {
  readonly diffID: Digest;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
}

/** `folder` must be there and empty; `entries` in normal order with every parent. @throws {StoreError} `LAYER_INVALID`, `NATIVE_FAILED` */
export function createLayer(treeTool: string, folder: string, entries: readonly LayerEntry[]): TarSum {
  const directories = entries.filter(({ type }) => type === "directory");
  for (const { path } of directories) fs.mkdirSync(filePath(join(folder, path)), 0o755);
  const sum = sumTar(entries, copyingReader(folder));
  for (const entry of entries) if (entry.type === "symlink") createSymlink(folder, entry);
  for (const entry of entries) if (entry.type === "hardlink") fs.linkSync(filePath(join(folder, entry.target ?? "")), filePath(join(folder, entry.path)));
  for (const { path, mode, uid, gid } of directories) setOwnerAndMode(filePath(join(folder, path)), uid, gid, mode);
  applyOperations(treeTool, folder, entries.flatMap(specialOperations));
  for (const { path, mtime } of directories) fs.utimesSync(filePath(join(folder, path)), mtime, mtime);
  return sum;
}

export function sumTar(entries: readonly LayerEntry[], files: FileReader): TarSum {
  const hash = createHash("sha256");
  let size = 0;
  for (const bytes of canonicalTar(entries, files)) {
    hash.update(bytes);
    size += bytes.length;
  }
  return { diffID: finish(hash), size };
}

/** Whatever Node cannot make itself. */
export function specialOperations(entry: LayerEntry): Operation[] {
  const { path, type, mode, uid, gid, mtime, major = 0, minor = 0 } = entry;
  if (type === "whiteout") return [{ kind: "mknod", path, type: "character", mode: 0, major: 0, minor: 0 }];
  if (type === "opaque") return [{ kind: "xattr", path: path === "" ? "." : path, name: opaqueXattr(), value: Buffer.from("y") }];
  const xattrs = Object.entries(entry.xattrs ?? {}).map(([name, value]) => ({ kind: "xattr", path, name, value }) as const);
  if (type !== "fifo" && type !== "character" && type !== "block") return type === "hardlink" ? [] : xattrs;
  return [
    { kind: "mknod", path, type, mode, major, minor },
    { kind: "owner", path, uid, gid },
    { kind: "mode", path, mode },
    ...xattrs,
    { kind: "times", path, mtime },
  ];
}

/** The kernel reads `user.overlay.*` instead when the overlay is mounted in a user namespace. */
function opaqueXattr(): string {
  return process.getuid?.() === 0 && !isInUserNamespace() ? "trusted.overlay.opaque" : "user.overlay.opaque";
}

function createSymlink(folder: string, entry: LayerEntry): void {
  const path = filePath(join(folder, entry.path));
  fs.symlinkSync(filePath(entry.target ?? ""), path);
  if (!isOwn(entry.uid, entry.gid)) fs.lchownSync(path, entry.uid, entry.gid);
  fs.lutimesSync(path, entry.mtime, entry.mtime);
}

/** Owner first: changing it clears the set-id bits. */
function setOwnerAndMode(path: fs.PathLike, uid: number, gid: number, mode: number): void {
  if (!isOwn(uid, gid)) fs.chownSync(path, uid, gid);
  fs.chmodSync(path, mode);
}

function isOwn(uid: number, gid: number): boolean {
  return uid === process.geteuid?.() && gid === process.getegid?.();
}

/** Reads each file from its source and writes the same bytes into the layer's folder. */
function copyingReader(folder: string): FileReader {
  const linked = new Set<string>();
  const umask = process.umask();
  let file: OpenFile | undefined;
  return {
    open(entry) {
      file = openEntry(folder, entry, linked);
      return file.size;
    },
    read(buffer, at, length) {
      const { source, target } = file!;
      const read = source >= 0 ? fs.readSync(source, buffer, at, length, null) : copyBytes(file!, buffer, at, length);
      if (target >= 0) writeFully(target, buffer, at, read);
      return read;
    },
    close() {
      const { source, target, entry } = file!;
      if (source >= 0) fs.closeSync(source);
      if (target < 0) return;
      if (!isOwn(entry.uid, entry.gid)) fs.fchownSync(target, entry.uid, entry.gid);
      if ((entry.mode & CREATE_MODE & ~umask) !== entry.mode) fs.fchmodSync(target, entry.mode);
      fs.futimesSync(target, entry.mtime, entry.mtime);
      fs.closeSync(target);
    },
  };
}

interface OpenFile {
  readonly entry: LayerEntry;
  readonly size: number;
  /** -1: the content is `bytes`. */
  readonly source: number;
  readonly bytes: Buffer;
  /** -1: the file is linked, there is nothing to write. */
  readonly target: number;
  copied: number;
}

const EMPTY = Buffer.alloc(0);
/** Never writable for others, not even for a moment. */
const CREATE_MODE = 0o755;

function copyBytes(file: OpenFile, buffer: Buffer, at: number, length: number): number {
  const copied = file.bytes.copy(buffer, at, file.copied, file.copied + length);
  file.copied += copied;
  return copied;
}

function openEntry(folder: string, entry: LayerEntry, linked: Set<string>): OpenFile {
  const path = join(folder, entry.path);
  const { source } = entry;
  if (source === undefined || "bytes" in source) {
    const bytes = source === undefined ? EMPTY : Buffer.from(source.bytes.buffer, source.bytes.byteOffset, source.bytes.length);
    return { entry, size: bytes.length, source: -1, bytes, target: createFile(path, entry.mode), copied: 0 };
  }
  const from = "copy" in source ? source.copy : source.link;
  const fd = fs.openSync(filePath(from), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  const stat = fs.fstatSync(fd);
  if (!stat.isFile()) throw new StoreError("LAYER_INVALID", `Cannot write layer entry ${entry.path}: ${from} is no plain file any more`);
  const isLink = "link" in source && linkInto(path, from, stat, entry, linked);
  return { entry, size: stat.size, source: fd, bytes: EMPTY, target: isLink ? -1 : createFile(path, entry.mode), copied: 0 };
}

/** A second link to the same inode would be a hard link inside this layer, and other metadata would change the first's: both are copied. */
function linkInto(path: string, from: string, stat: fs.Stats, entry: LayerEntry, linked: Set<string>): boolean {
  const inode = `${stat.dev}:${stat.ino}`;
  const isSame = stat.uid === entry.uid && stat.gid === entry.gid && (stat.mode & 0o7777) === entry.mode && stat.mtimeMs === entry.mtime * 1000;
  if (!isSame || linked.has(inode) || entry.xattrs !== undefined) return false;
  try {
    fs.linkSync(filePath(from), filePath(path));
  } catch (error) {
    if (["EXDEV", "EMLINK", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
  linked.add(inode);
  return true;
}

function createFile(path: string, mode: number): number {
  return fs.openSync(filePath(path), "wx", mode & CREATE_MODE);
}

function writeFully(fd: number, buffer: Buffer, at: number, length: number): void {
  for (let written = 0; written < length;) written += fs.writeSync(fd, buffer, at + written, length - written);
}
