/** A stack of layers seen merged, without a mount: whiteouts and opaque folders hide, links resolve inside the root. */
import { closeSync, lstatSync, readFileSync, type Stats } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../errors.ts";
import { filePath, listTyped, nameKey, readLink } from "../file-names.ts";
import type { FolderRecord } from "../layer/records.ts";
import type { MergedView, ViewEntry } from "../store.ts";
import { openInside } from "./open-inside.ts";
import { readLines } from "./read-lines.ts";

/** As in the kernel. */
const MAX_LINKS = 40;
const MAX_READ_BYTES = 16 << 20;

export interface ViewLayer {
  /** Path of the diff folder. */
  readonly path: string;
  readonly record: Omit<FolderRecord, "id">;
}

/** What a path is: the topmost layer that has it, and for a folder all those that are merged in it. */
interface Found {
  readonly path: string;
  readonly stat: Stats;
  readonly layers: readonly ViewLayer[];
}

export function openView(layers: readonly ViewLayer[]): MergedView {
  const stack = new Stack(layers);
  return {
    async lookup(path, { follow = true } = {}) {
      const found = stack.resolve(path, follow);
      return found === undefined ? undefined : entryOf(found);
    },
    list: async (path) => {
      const found = stack.resolve(path, true);
      return found?.stat.isDirectory() === true ? stack.names(found) : [];
    },
    *lines(path, limit) {
      const found = stack.resolve(path, true);
      if (found?.stat.isFile() !== true) return;
      const { fd } = openInside(found.layers[0]!.path, fileOf(found));
      try {
        yield* readLines(fd, path, limit);
      } finally {
        closeSync(fd);
      }
    },
    async read(path, limit = MAX_READ_BYTES) {
      const found = stack.resolve(path, true);
      if (found?.stat.isFile() !== true) return undefined;
      const { fd, size } = openInside(found.layers[0]!.path, fileOf(found));
      try {
        if (size > limit) throw new StoreError("SIZE_MISMATCH", `Cannot read ${path}: it is longer than ${limit} bytes`);
        return readFileSync(fd);
      } finally {
        closeSync(fd);
      }
    },
  };
}

/** Layers do not change once committed: folders that were looked at are remembered. */
class Stack {
  readonly #folders = new Map<string, Found | undefined>();

  constructor(layers: readonly ViewLayer[]) {
    const top = layers[0];
    if (top === undefined) return;
    const last = layers.findIndex(({ record }) => record.opaque?.includes("") === true);
    this.#folders.set("", { path: "", stat: lstatSync(top.path), layers: last < 0 ? layers : layers.slice(0, last + 1) });
  }

  /** Parents always through links; the last name too when `follow`. */
  resolve(path: string, follow: boolean): Found | undefined {
    const left = split(path).reverse();
    let at = this.#folders.get("");
    for (let links = 0; left.length > 0 && at !== undefined;) {
      const name = left.pop()!;
      if (name === "..") {
        at = this.#folders.get(parentPath(at.path));
        continue;
      }
      const next: Found | undefined = this.#child(at, name);
      if (next?.stat.isSymbolicLink() !== true || (left.length === 0 && !follow)) {
        at = next;
        continue;
      }
      if (++links > MAX_LINKS) return undefined;
      const target = readLink(fileOf(next));
      left.push(...split(target).reverse());
      if (target.startsWith("/")) at = this.#folders.get("");
    }
    return at;
  }

  names(folder: Found): string[] {
    const seen = new Map<string, boolean>();
    for (const layer of folder.layers) {
      for (const { name, type } of listTyped(join(layer.path, folder.path))) {
        if (seen.has(name)) continue;
        seen.set(name, !type.isCharacterDevice() || !isWhiteout(lstatSync(filePath(join(layer.path, folder.path, name)))));
      }
    }
    return [...seen].flatMap(([name, shown]) => (shown ? [name] : [])).sort();
  }

  #child(folder: Found, name: string): Found | undefined {
    if (!folder.stat.isDirectory()) return undefined;
    const path = folder.path === "" ? name : `${folder.path}/${name}`;
    if (this.#folders.has(path)) return this.#folders.get(path);
    const found = findIn(folder.layers, path);
    if (found === undefined || found.stat.isDirectory()) this.#folders.set(path, found);
    return found;
  }
}

function findIn(layers: readonly ViewLayer[], path: string): Found | undefined {
  const merged: ViewLayer[] = [];
  let top: Stats | undefined;
  for (const layer of layers) {
    const stat = lstatSync(filePath(join(layer.path, path)), { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (isWhiteout(stat) || (top !== undefined && !stat.isDirectory())) break;
    top ??= stat;
    merged.push(layer);
    if (!stat.isDirectory() || layer.record.opaque?.includes(nameKey(path)) === true) break;
  }
  return top === undefined ? undefined : { path, stat: top, layers: merged };
}

function isWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}

function fileOf(found: Found): string {
  return join(found.layers[0]!.path, found.path);
}

function split(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function parentPath(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function entryOf(found: Found): ViewEntry {
  const { path, stat } = found;
  const file = fileOf(found);
  const stored = found.layers[0]!.record.xattrs?.[nameKey(path)];
  const type = typeOf(stat);
  return {
    path,
    type,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtime: Math.floor(stat.mtimeMs / 1000),
    file,
    ...(type === "file" ? { size: stat.size } : {}),
    ...(type === "symlink" ? { target: readLink(file) } : {}),
    ...(type === "character" || type === "block" ? deviceNumber(stat.rdev) : {}),
    ...(stored === undefined ? {} : { xattrs: Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, Buffer.from(value, "base64")])) }),
  };
}

function typeOf(stat: Stats): ViewEntry["type"] {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isFIFO()) return "fifo";
  return stat.isCharacterDevice() ? "character" : "block";
}

/** As gnu_dev_major and gnu_dev_minor take a 32-bit device number apart. */
export function deviceNumber(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
