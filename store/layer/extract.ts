/**
 * Unpacks a foreign layer tar into a fresh folder, as an overlay lower directory. Whatever the tar says, nothing is written outside:
 * a parent is only ever a folder that this very layer made, never a link. Spec: image-spec v1.1, layer.md, "Applying Changesets".
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { StoreError } from "../errors.ts";
import { filePath } from "../file-names.ts";
import { applyOperations, type Operation } from "../native/operations.ts";
import type { LayerEntry } from "../store.ts";
import type { TarReader } from "../tar/reader.ts";
import type { TarMember } from "../tar/member.ts";
import { writeContent } from "../tar/sparse.ts";
import { specialOperations } from "./create.ts";
import { portableXattrs } from "./folder.ts";
import { OPAQUE_NAME, parentOf, WHITEOUT_PREFIX } from "./normal.ts";
import { hiddenFacts, type FolderRecord } from "./records.ts";

export interface Extracted {
  readonly facts: Omit<FolderRecord, "id">;
  /** Folders that the tar did not list: their metadata is that of the layers below. */
  readonly implied: readonly string[];
}

type Kind = "directory" | "implied" | "file" | "symlink" | "special";

/** @throws {StoreError} `LAYER_INVALID` naming the entry */
export function extractLayer(treeTool: string, folder: string, tar: TarReader): Extracted {
  const extraction = new Extraction(treeTool, folder);
  for (let member = tar.next(); member !== undefined; member = tar.next()) {
    try {
      extraction.add(member, tar.content());
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new StoreError("LAYER_INVALID", `Cannot unpack layer entry ${member.name}: ${(error as Error).message}`, { cause: error });
    }
  }
  return extraction.finish();
}

class Extraction {
  readonly #treeTool: string;
  readonly #folder: string;
  readonly #kinds = new Map<string, Kind>([["", "directory"]]);
  /** Metadata of folders, set last: writing into them changes their times. */
  readonly #directories = new Map<string, TarMember>();
  /** What only the tree tool can do, by path, so that an entry that is replaced takes its wishes along. */
  readonly #operations = new Map<string, readonly Operation[]>();
  readonly #xattrs = new Map<string, Readonly<Record<string, Uint8Array>>>();
  readonly #whiteouts = new Set<string>();
  readonly #opaque = new Set<string>();

  constructor(treeTool: string, folder: string) {
    this.#treeTool = treeTool;
    this.#folder = folder;
  }

  add(member: TarMember, content: Iterable<Buffer>): void {
    const path = plainPath(member, member.name);
    if (path === "") return;
    const slash = path.lastIndexOf("/") + 1;
    const name = path.slice(slash);
    if (
      path
        .split("/")
        .slice(0, -1)
        .some((part) => part.startsWith(WHITEOUT_PREFIX))
    )
      throw invalid(member, `it stands in a folder whose name begins with ${WHITEOUT_PREFIX}`);
    if (name.startsWith(WHITEOUT_PREFIX)) return this.#addMarker(member, path.slice(0, Math.max(0, slash - 1)), name);
    this.#needParents(path, member);
    this.#makeRoom(path, member);
    this.#create(path, member, content);
  }

  finish(): Extracted {
    const removed = [...this.#whiteouts].filter((path) => !this.#kinds.has(path));
    // What a layer removes and makes again hides everything below it.
    for (const path of this.#whiteouts) if (this.#kinds.get(path) === "directory") this.#opaque.add(path);
    const markers = [...removed.map((path) => marker("whiteout", path)), ...[...this.#opaque].map((path) => marker("opaque", path))];
    applyOperations(this.#treeTool, this.#folder, [...this.#operations.values()].flat());
    applyOperations(this.#treeTool, this.#folder, markers.flatMap(specialOperations));
    this.#setDirectories();
    const attributed = [...this.#xattrs].map(([path, xattrs]) => ({ ...marker("file", path), xattrs }));
    return { facts: hiddenFacts([...markers, ...attributed]), implied: [...this.#kinds].flatMap(([path, kind]) => (kind === "implied" ? [path] : [])) };
  }

  #addMarker(member: TarMember, parent: string, name: string): void {
    if (member.type !== "file") throw invalid(member, `names that begin with ${WHITEOUT_PREFIX} mean removals`);
    if (name.startsWith(".wh..wh.") && name !== OPAQUE_NAME) return; // bookkeeping of aufs
    const hidden = name.slice(WHITEOUT_PREFIX.length);
    if (name !== OPAQUE_NAME && ["", ".", ".."].includes(hidden)) throw invalid(member, "it removes no name");
    this.#needParents(parent === "" ? "x" : `${parent}/x`, member);
    if (name === OPAQUE_NAME) this.#opaque.add(parent);
    else this.#whiteouts.add(parent === "" ? hidden : `${parent}/${hidden}`);
  }

  #needParents(path: string, member: TarMember): void {
    const missing: string[] = [];
    for (let parent = parentOf(path); ; parent = parentOf(parent)) {
      const kind = this.#kinds.get(parent);
      if (kind === "directory" || kind === "implied") break;
      if (kind !== undefined) throw invalid(member, `its parent ${parent} is a ${kind} of this layer`);
      missing.push(parent);
    }
    for (const parent of missing.reverse()) {
      fs.mkdirSync(this.#place(parent), 0o755);
      this.#kinds.set(parent, "implied");
    }
  }

  /** A later entry of the same name replaces the earlier one; two folders are one. */
  #makeRoom(path: string, member: TarMember): void {
    const kind = this.#kinds.get(path);
    if (kind === undefined || (member.type === "directory" && (kind === "directory" || kind === "implied"))) return;
    if (kind !== "special") fs.rmSync(this.#place(path), { recursive: true });
    for (const map of [this.#kinds, this.#directories, this.#operations, this.#xattrs]) {
      for (const key of map.keys()) if (key === path || key.startsWith(`${path}/`)) map.delete(key);
    }
    for (const set of [this.#whiteouts, this.#opaque])
      for (const key of set) if (key.startsWith(`${path}/`) || (set === this.#opaque && key === path)) set.delete(key);
  }

  #create(path: string, member: TarMember, content: Iterable<Buffer>): void {
    const file = this.#place(path);
    switch (member.type) {
      case "directory":
        if (!this.#kinds.has(path)) fs.mkdirSync(file, 0o700);
        this.#directories.set(path, member);
        break;
      case "file":
        writeFile(file, member, content);
        break;
      case "symlink":
        fs.symlinkSync(filePath(member.target), file);
        fs.lchownSync(file, member.uid, member.gid);
        fs.lutimesSync(file, member.mtime, member.mtime);
        break;
      case "hardlink":
        this.#link(file, member);
        this.#kinds.set(path, "file");
        return;
      default:
        if (member.type === "character" && member.major === 0 && member.minor === 0) throw invalid(member, "device 0/0 is how an overlay marks a removal");
    }
    const isSpecial = kindOf(member.type) === "special";
    this.#kinds.set(path, kindOf(member.type));
    this.#wish(path, member, isSpecial);
  }

  #link(file: fs.PathLike, member: TarMember): void {
    const target = plainPath(member, member.target);
    const kind = this.#kinds.get(target);
    if (kind !== "file" && kind !== "symlink") throw invalid(member, `its hard link's target ${JSON.stringify(member.target)} is no file of this layer`);
    fs.linkSync(this.#place(target), file);
  }

  #wish(path: string, member: TarMember, isSpecial: boolean): void {
    const xattrs = portableXattrs(member.xattrs);
    if (xattrs !== undefined) this.#xattrs.set(path, xattrs);
    const entry: LayerEntry = {
      path,
      type: member.type,
      mode: member.mode,
      uid: member.uid,
      gid: member.gid,
      mtime: member.mtime,
      major: member.major,
      minor: member.minor,
      ...(xattrs === undefined ? {} : { xattrs }),
    };
    const exact: Operation[] =
      member.mtimeNsec > 0 && member.type !== "directory" ? [{ kind: "times", path, mtime: member.mtime, mtimeNsec: member.mtimeNsec }] : [];
    if (isSpecial || xattrs !== undefined || exact.length > 0) this.#operations.set(path, [...specialOperations(entry), ...exact]);
  }

  #place(path: string): string | Buffer {
    return filePath(join(this.#folder, path));
  }

  #setDirectories(): void {
    const exact: Operation[] = [];
    for (const [path, { uid, gid, mode, mtime, mtimeNsec }] of this.#directories) {
      const file = this.#place(path);
      fs.chownSync(file, uid, gid);
      fs.chmodSync(file, mode);
      fs.utimesSync(file, mtime, mtime);
      if (mtimeNsec > 0) exact.push({ kind: "times", path, mtime, mtimeNsec });
    }
    for (const [path, kind] of this.#kinds) if (kind === "implied") fs.utimesSync(this.#place(path), 0, 0);
    applyOperations(this.#treeTool, this.#folder, exact);
  }
}

function kindOf(type: TarMember["type"]): Kind {
  return type === "directory" || type === "file" || type === "symlink" ? type : "special";
}

/** Relative to the root, as docker reads it: a leading slash or dot means the root; `..` is refused. @throws {StoreError} `LAYER_INVALID` */
function plainPath(member: TarMember, text: string): string {
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || text.includes("\0")) throw invalid(member, `${JSON.stringify(text)} leads out of the layer`);
  return parts.join("/");
}

function invalid(member: TarMember, reason: string): StoreError {
  return new StoreError("LAYER_INVALID", `Cannot unpack layer entry ${member.name}: ${reason}`);
}

function marker(type: LayerEntry["type"], path: string): LayerEntry {
  return { path, type, mode: 0, uid: 0, gid: 0, mtime: 0 };
}

function writeFile(file: fs.PathLike, member: TarMember, content: Iterable<Buffer>): void {
  const fd = fs.openSync(file, "wx", 0o600);
  try {
    writeContent(fd, member, content);
    fs.fchownSync(fd, member.uid, member.gid);
    fs.fchmodSync(fd, member.mode);
    fs.futimesSync(fd, member.mtime, member.mtime);
  } finally {
    fs.closeSync(fd);
  }
}
