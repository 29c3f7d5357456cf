/**
 * An archive's members as entries of a folder: names are cut at its root, later ones replace earlier ones as if each were unpacked in turn,
 * nothing stands in what is no folder. Content goes into numbered files.
 */
import * as fs from "node:fs";
import { join, posix } from "node:path";
import { sortByName } from "../../store/file-names.ts";
import { parentOf } from "../../store/layer/normal.ts";
import type { TarMember } from "../../store/tar/member.ts";
import { writeContent } from "../../store/tar/sparse.ts";
import type { SourceEntry } from "../context/tree.ts";
import { BuilderError } from "../errors.ts";
import { RESERVED_BYTES, Room } from "../room.ts";

/** The only one that means the same elsewhere, and the one that builders keep. */
const CAPABILITY = "security.capability";
const MAX_ID = 0xffff_fffe;

export class ArchiveEntries {
  readonly #folder: string;
  readonly #epoch: number;
  readonly #entries = new Map<string, SourceEntry>();
  /** Names in each folder, also in those that are only implied. */
  readonly #children = new Map<string, Set<string>>([["", new Set()]]);
  readonly #room: Room;
  #files = 0;
  #groups = 0;

  constructor(folder: string, epoch: number) {
    this.#folder = folder;
    this.#epoch = epoch;
    this.#room = new Room(folder);
  }

  /** @throws {BuilderError} `ARCHIVE_INVALID` */
  add(member: TarMember, content: Iterable<Buffer>): void {
    const path = insideArchive(member.name);
    if (path === "") return;
    this.#needParents(path);
    const entry = member.type === "hardlink" ? this.#linked(path, member.target) : this.#entry(path, member, content);
    const isFolder = entry.type === "directory";
    if (!isFolder || this.#entries.get(path)?.type !== "directory") {
      if (!isFolder) this.#forget(path);
      if (isFolder && !this.#children.has(path)) this.#children.set(path, new Set());
    }
    this.#entries.set(path, entry);
    this.#children.get(parentOf(path))?.add(path);
  }

  /** The root first, then what the archive lists; folders that it only implies are not there. */
  sorted(): readonly SourceEntry[] {
    const root: SourceEntry = { path: "", type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: Number.MAX_SAFE_INTEGER, size: 0, file: "" };
    return [root, ...sortByName([...this.#entries.values()], (entry) => entry.path)];
  }

  #needParents(path: string): void {
    for (let parent = parentOf(path), child = path; child !== ""; child = parent, parent = parentOf(parent)) {
      const found = this.#entries.get(parent);
      if (parent !== "" && found !== undefined && found.type !== "directory") throw invalid(path, `its parent ${parent} is a ${found.type}`);
      const names = this.#children.get(parent);
      if (names !== undefined) {
        if (child !== path) names.add(child);
        return;
      }
      this.#children.set(parent, new Set(child === path ? [] : [child]));
    }
  }

  /** What stands in a folder goes with it. */
  #forget(path: string): void {
    const gone = [path];
    for (let next = gone.pop(); next !== undefined; next = gone.pop()) {
      gone.push(...(this.#children.get(next) ?? []));
      this.#children.delete(next);
      this.#entries.delete(next);
    }
  }

  #linked(path: string, name: string): SourceEntry {
    const first = insideArchive(name);
    const target = this.#entries.get(first);
    if (target === undefined || target.type === "directory")
      throw invalid(path, `it is a hard link, and its target ${name} is ${target === undefined ? "not in the archive before it" : "a folder"}`);
    if (first === path) return target;
    const linked = { ...target, inode: target.inode ?? `archive:${this.#groups++}` };
    this.#entries.set(first, linked);
    return { ...linked, path };
  }

  #entry(path: string, member: TarMember, content: Iterable<Buffer>): SourceEntry {
    const { type, mode, uid, gid, target, major, minor } = member;
    if (uid < 0 || gid < 0 || uid > MAX_ID || gid > MAX_ID) throw invalid(path, `its owner ${uid}:${gid} is none`);
    const capability = member.xattrs[CAPABILITY];
    const entry: SourceEntry = {
      path,
      type: type as SourceEntry["type"],
      mode,
      uid,
      gid,
      mtime: Math.min(member.mtime, this.#epoch),
      size: member.size,
      file: "",
      ...(type === "symlink" ? { target: checkedTarget(path, target) } : {}),
      ...(type === "character" || type === "block" ? { major, minor } : {}),
      ...(capability === undefined ? {} : { xattrs: { [CAPABILITY]: Uint8Array.from(capability) } }),
    };
    if (type !== "file") return entry;
    if (member.size === 0) return { ...entry, bytes: new Uint8Array() };
    return { ...entry, file: this.#write(entry, member, content), isOwn: true };
  }

  /** Made as the layer wants it, so that a link is enough there. */
  #write({ mode, uid, gid, mtime }: SourceEntry, member: TarMember, content: Iterable<Buffer>): string {
    const stored = member.segments === undefined ? member.size : member.segments.reduce((sum, { length }) => sum + length, 0);
    if (!this.#room.has(stored, member.size - stored)) throw tooLarge(member.name);
    const file = join(this.#folder, String(this.#files++));
    const fd = fs.openSync(file, "wx", 0o600);
    try {
      writeContent(fd, member, content);
      if (process.geteuid?.() === 0) fs.fchownSync(fd, uid, gid);
      fs.fchmodSync(fd, mode);
      fs.futimesSync(fd, mtime, mtime);
    } finally {
      fs.closeSync(fd);
    }
    return file;
  }
}

function tooLarge(name: string): BuilderError {
  return invalid(name, `it would leave less than ${RESERVED_BYTES >> 20} MiB free on the disk`);
}

function checkedTarget(path: string, target: string): string {
  if (target === "" || target.includes("\0")) throw invalid(path, "it links to nothing");
  return target;
}

/** Whatever it climbs, it stays below the root. */
function insideArchive(name: string): string {
  return posix.join("/", name).replace(/^\/+|\/+$/g, "");
}

function invalid(path: string, reason: string): BuilderError {
  return new BuilderError("ARCHIVE_INVALID", `Cannot unpack ${path}: ${reason}`);
}
