/** ADD of archives: told by their first bytes, unpacked into numbered files of a scratch folder, never to a path that they name. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join, posix } from "node:path";
import { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract, type Extract, type Header } from "tar-stream";
import { ownedName } from "../../store/owner.ts";
import type { Source, SourceEntry } from "../context/tree.ts";
import { BuilderError } from "../errors.ts";

export interface ArchiveOptions {
  /** For the files' content; emptied by whoever made it. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

type Compression = "none" | "gzip" | "bzip2" | "xz" | "zstd";

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];
/** Where a tar header says `ustar`. */
const USTAR_AT = 257;

export function isArchive(file: string): boolean {
  return compressionOf(file) !== undefined;
}

/** Undefined for what is no tar, packed or not. A packed file that holds no tar is found out when it is opened, as BuildKit does. */
function compressionOf(file: string): Compression | undefined {
  const head = Buffer.alloc(512);
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    fs.readSync(fd, head, 0, head.length, 0);
  } finally {
    fs.closeSync(fd);
  }
  const packed = MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0];
  return packed ?? (head.toString("latin1", USTAR_AT, USTAR_AT + 5) === "ustar" ? "none" : undefined);
}

/** The archive as a folder to be copied: owners, modes and times are the archive's. @throws {BuilderError} `ARCHIVE_INVALID` */
export async function openArchive(file: string, options: ArchiveOptions): Promise<Source> {
  const folder = join(options.folder, ownedName());
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const entries = new Map<string, SourceEntry>();
  const unpacker = extract();
  try {
    const unpacking = pipeline([fs.createReadStream(file, { highWaterMark: 1 << 20 }), ...unpackers(compressionOf(file) ?? "none"), unpacker], {
      signal: options.signal,
    });
    const failed = (await Promise.allSettled([unpacking, collect(unpacker, folder, entries)])).filter((result) => result.status === "rejected");
    if (failed.length > 0) throw (failed.find(({ reason }) => !isEcho(reason)) ?? failed[0]!).reason;
  } catch (error) {
    if (options.signal.aborted || error instanceof BuilderError) throw error;
    throw new BuilderError("ARCHIVE_INVALID", `Cannot unpack ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  return { path: "", entries: [rootEntry(), ...withParents(entries)] };
}

/** The other side of the stream failed: its error says why. */
function isEcho(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
}

/** Node has no bzip2, xz or zstd: their programs do it. */
function unpackers(compression: Compression): NodeJS.ReadWriteStream[] {
  if (compression === "none") return [];
  return [compression === "gzip" ? createGunzip({ chunkSize: 1 << 20 }) : program(compression)];
}

function program(name: "bzip2" | "xz" | "zstd"): NodeJS.ReadWriteStream {
  const child = spawn(name, ["-dc"], { stdio: ["pipe", "pipe", "ignore"] });
  const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.on("error", (error) => duplex.destroy(error));
  child.on("close", (code) => {
    if (code !== 0) duplex.destroy(new Error(`${name} failed with exit code ${code}`));
  });
  return duplex;
}

async function collect(unpacker: Extract, folder: string, entries: Map<string, SourceEntry>): Promise<void> {
  for await (const entry of unpacker) {
    if (entry.header.name.includes("\ufffd"))
      throw new BuilderError("ARCHIVE_INVALID", `Cannot unpack ${JSON.stringify(entry.header.name)}: its name is not UTF-8`);
    const path = posix.join("/", entry.header.name).replace(/^\/+|\/+$/g, "");
    const file = join(folder, String(entries.size));
    if (entry.header.type === "file" || entry.header.type === "contiguous-file" || entry.header.type === null)
      await pipeline(entry, fs.createWriteStream(file, { flags: "w", mode: 0o600 }));
    else entry.resume();
    const read = path === "" ? undefined : readEntry(path, entry.header, file, entries);
    if (read !== undefined) entries.set(path, read);
  }
}

const TYPES: Readonly<Record<string, SourceEntry["type"]>> = {
  file: "file",
  "contiguous-file": "file",
  directory: "directory",
  symlink: "symlink",
  fifo: "fifo",
  "character-device": "character",
  "block-device": "block",
};

function readEntry(path: string, header: Header, file: string, entries: Map<string, SourceEntry>): SourceEntry | undefined {
  if (header.type === "link") return linkedEntry(path, header.linkname ?? "", entries);
  const type = TYPES[header.type ?? "file"];
  if (type === undefined) return undefined;
  const capability = (header.pax as Readonly<Record<string, string>> | null | undefined)?.["SCHILY.xattr.security.capability"];
  return {
    path,
    type,
    mode: (header.mode ?? 0o644) & 0o7777,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    mtime: Math.floor((header.mtime?.getTime() ?? 0) / 1000),
    size: type === "file" ? (header.size ?? 0) : 0,
    file: type === "file" ? file : "",
    ...(type === "symlink" ? { target: header.linkname ?? "" } : {}),
    ...(type === "character" || type === "block" ? { major: header.devmajor ?? 0, minor: header.devminor ?? 0 } : {}),
    ...(capability === undefined ? {} : { xattrs: { "security.capability": Buffer.from(capability, "latin1") } }),
  };
}

function linkedEntry(path: string, name: string, entries: Map<string, SourceEntry>): SourceEntry {
  const first = posix.join("/", name).slice(1);
  const target = entries.get(first);
  if (target === undefined) throw new BuilderError("ARCHIVE_INVALID", `Cannot unpack hard link ${path}: its target ${name} is not in the archive before it`);
  const linked = { ...target, inode: target.inode ?? first };
  entries.set(first, linked);
  return { ...linked, path };
}

function rootEntry(path = ""): SourceEntry {
  return { path, type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: Number.MAX_SAFE_INTEGER, size: 0, file: "" };
}

/** Sorted, with the folders that the archive only implies. @throws {BuilderError} `ARCHIVE_INVALID` when something stands in what is no folder */
function withParents(entries: ReadonlyMap<string, SourceEntry>): readonly SourceEntry[] {
  const all = new Map(entries);
  for (const path of entries.keys()) {
    for (let parent = posix.dirname(path); parent !== "."; parent = posix.dirname(parent)) {
      const found = all.get(parent);
      if (found === undefined) all.set(parent, rootEntry(parent));
      else if (found.type !== "directory") throw new BuilderError("ARCHIVE_INVALID", `Cannot unpack ${path}: its parent ${parent} is a ${found.type}`);
    }
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
