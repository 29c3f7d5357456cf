/**
 * The built file system as a folder. What is there already and is not in the result stays, unless the folder is to mirror it.
 * Nothing is followed: where a link stands in the way of a folder or a file, the link goes. Files are the user's own, as with BuildKit.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { filePath, listNames } from "../../store/file-names.ts";
import { makeFolders } from "../../store/make-folders.ts";
import { applyOperations, type Operation } from "../../store/native/operations.ts";
import type { SourceEntry } from "../context/tree.ts";
import { BuilderError } from "../errors.ts";

export interface FolderOptions {
  /** Path of the native tree tool. */
  readonly treeTool: string;
  readonly isMirror: boolean;
}

/** Leaves no folder that was not there before when it fails. @throws {BuilderError} `OUTPUT_FAILED` */
export function writeRootfs(entries: readonly SourceEntry[], folder: string, { treeTool, isMirror }: FolderOptions): void {
  const made = makeFolders(folder);
  try {
    if (isMirror) removeOthers(folder, "", new Set(entries.map(({ path }) => path)));
    const names = new Map<string, string>();
    for (const entry of entries) writeEntry(folder, entry, names);
    applyOperations(treeTool, folder, entries.flatMap(specials));
    for (const entry of entries.toReversed()) {
      if (entry.type !== "directory") continue;
      const path = filePath(join(folder, entry.path));
      fs.chmodSync(path, entry.mode);
      fs.utimesSync(path, entry.mtime, entry.mtime);
    }
  } catch (error) {
    if (made !== undefined) fs.rmSync(made, { recursive: true, force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new BuilderError("OUTPUT_FAILED", `Cannot write the result to ${folder}: ${reason}`, { cause: error });
  }
}

function removeOthers(folder: string, inside: string, wanted: ReadonlySet<string>): void {
  for (const name of listNames(join(folder, inside))) {
    const path = inside === "" ? name : `${inside}/${name}`;
    const file = filePath(join(folder, path));
    const isFolder = fs.lstatSync(file).isDirectory();
    if (!wanted.has(path)) fs.rmSync(file, { recursive: true });
    else if (isFolder) removeOthers(folder, path, wanted);
  }
}

function writeEntry(folder: string, entry: SourceEntry, names: Map<string, string>): void {
  const path = filePath(join(folder, entry.path));
  const existing = fs.lstatSync(path, { throwIfNoEntry: false });
  if (entry.type === "directory") {
    if (existing?.isDirectory() === true) return;
    if (existing !== undefined) fs.rmSync(path);
    fs.mkdirSync(path, 0o755);
    return;
  }
  if (existing?.isDirectory() === true || entry.type !== "file") fs.rmSync(path, { recursive: true, force: true });
  if (entry.type === "symlink") {
    fs.symlinkSync(filePath(entry.target ?? ""), path);
    fs.lutimesSync(path, entry.mtime, entry.mtime);
  } else if (entry.type === "file") writeFile(join(folder, entry.path), entry, names);
}

/** Written beside and put in place whole: who reads the old one goes on reading it. */
function writeFile(path: string, entry: SourceEntry, names: Map<string, string>): void {
  const fresh = filePath(`${path.slice(0, path.lastIndexOf("/"))}/.strata-${process.pid}.part`);
  const first = entry.inode === undefined ? undefined : names.get(entry.inode);
  fs.rmSync(fresh, { force: true });
  try {
    if (first === undefined || !linked(first, fresh)) copy(entry, fresh);
    fs.renameSync(fresh, filePath(path));
  } finally {
    fs.rmSync(fresh, { force: true });
  }
  if (entry.inode !== undefined && first === undefined) names.set(entry.inode, path);
}

function copy({ file, mode, mtime }: SourceEntry, path: fs.PathLike): void {
  fs.copyFileSync(filePath(file), path, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
  fs.chmodSync(path, mode);
  fs.utimesSync(path, mtime, mtime);
}

/** False when the destination is on several disks. */
function linked(first: string, path: fs.PathLike): boolean {
  try {
    fs.linkSync(filePath(first), path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EXDEV") return false;
    throw error;
  }
}

/** What Node has no call for. */
function specials({ path, type, mode, mtime, major = 0, minor = 0, xattrs = {} }: SourceEntry): readonly Operation[] {
  const named = Object.entries(xattrs).map(([name, value]) => ({ kind: "xattr", path, name, value }) as const);
  if (type !== "fifo" && type !== "character" && type !== "block") return named;
  return [{ kind: "mknod", path, type, mode, major, minor }, { kind: "mode", path, mode }, ...named, { kind: "times", path, mtime }];
}
