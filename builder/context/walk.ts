/** A folder's files with what tells a change: natively for wide trees without ignore rules, by Node otherwise. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { encodeName, filePath, listNames, readLink, sortByName } from "../../store/file-names.ts";
import { BuilderError } from "../errors.ts";
import { portableMode, type ContextMode } from "./context-mode.ts";
import { openBelow, openFolder, placeOf } from "./open-below.ts";
import type { ScannedFile } from "../../store/native/scan.ts";
import type { IgnoreRules, Marks } from "./ignore.ts";
import type { Fingerprint, SourceEntry, WideWalk } from "./tree.ts";

/** Beyond this the tree tool's walk is worth starting a process. */
export const NATIVE_FROM_FILES = 600;
/** Longer than any kernel's time stamp granularity: what changed within it before a walk may change again unseen. */
export const RACY_MS = 50;

/** A folder may be replaced between two looks at it; whoever does so again and again is told so. */
const MAX_LOOKS = 10;

export interface WalkOptions {
  readonly treeTool: string;
  /** The context's, a real path. */
  readonly root: string;
  readonly modes: ContextMode;
  readonly rules: IgnoreRules;
  /** Path of the walked folder below the context's root: ignore rules see whole paths. */
  readonly prefix: string;
  /** The tree was wide the last time. */
  readonly isWide: boolean;
}

/** Made once; what is read of it is worked out when it is asked for. */
export interface Walked {
  /** All below the folder, sorted by path. */
  entries(): readonly SourceEntry[];
  fingerprint(): Fingerprint;
  /** Only of a native walk. */
  readonly wide?: Omit<WideWalk, "mode">;
}

/** Ignored paths are not looked into unless a rule takes some of them back. */
export async function walk(options: WalkOptions): Promise<Walked> {
  const startedAt = Date.now();
  const folder = options.prefix === "" ? options.root : `${options.root}/${options.prefix}`;
  if (options.rules.isEmpty && options.isWide) return await walkNatively(folder, options, startedAt);
  const found: SourceEntry[] = [];
  const limit = options.rules.isEmpty ? NATIVE_FROM_FILES : Number.POSITIVE_INFINITY;
  const isWhole = new Walker(folder, options, found, limit).run();
  if (!isWhole) return await walkNatively(folder, options, startedAt);
  const entries = sortByName(found, (entry) => entry.path);
  return { entries: () => entries, fingerprint: () => ({ text: hashStamps(entries), isSettled: () => isSettled(entries, startedAt) }) };
}

/** The tree tool's bytes are hashed as they are: decoding them costs more than the walk. */
async function walkNatively(folder: string, { treeTool, modes }: WalkOptions, startedAt: number): Promise<Walked> {
  const { decodeScan, lastChange, scanBytes } = await import("../../store/native/scan.ts"); // small contexts start no process
  const bytes = await scanBytes(treeTool, folder);
  let decoded: readonly SourceEntry[] | undefined;
  const entries = (): readonly SourceEntry[] => (decoded ??= decodeScan(bytes).flatMap((file) => fromScan(folder, file, modes)));
  const text = (): string => `${folder} ${createHash("sha256").update(bytes).digest("hex")}`;
  const isOld = (): boolean => lastChange(bytes) < startedAt - RACY_MS;
  const wide = { folder, bytes, startedAt, entryOf: (file: ScannedFile) => fromScan(folder, file, modes)[0] };
  return { entries, fingerprint: () => ({ text: text(), isSettled: isOld }), wide };
}

function hashStamps(entries: readonly SourceEntry[]): string {
  const hash = createHash("sha256");
  for (const { file, type, mode, size, target = "", stamp } of entries)
    hash.update(encodeName(`${file}\0${type}\0${mode}\0${size}\0${target}\0${stamp?.ino}\0${stamp?.mtimeMs}\0${stamp?.ctimeMs}\n`));
  return hash.digest("hex");
}

function isSettled(entries: readonly SourceEntry[], startedAt: number): boolean {
  return entries.every(({ stamp }) => stamp === undefined || stamp.ctimeMs < startedAt - RACY_MS);
}

class Walker {
  readonly #folder: string;
  readonly #options: WalkOptions;
  readonly #entries: SourceEntry[];
  readonly #limit: number;

  constructor(folder: string, options: WalkOptions, entries: SourceEntry[], limit: number) {
    this.#folder = folder;
    this.#options = options;
    this.#entries = entries;
    this.#limit = limit;
  }

  /** False when there is more than the limit. */
  run(): boolean {
    const { prefix, rules } = this.#options;
    let marks: Marks | undefined;
    if (prefix !== "" && !rules.isEmpty) {
      for (let end = prefix.indexOf("/"); ; end = prefix.indexOf("/", end + 1)) {
        ({ marks } = rules.step(end < 0 ? prefix : prefix.slice(0, end), marks));
        if (end < 0) break;
      }
    }
    const fd = openBelow(this.#options.root, prefix);
    if (fd === undefined) throw replaced(prefix);
    return this.#list("", fd, marks);
  }

  /** Closes `fd`. */
  #list(path: string, fd: number, marks: Marks | undefined): boolean {
    try {
      const place = placeOf(fd);
      for (const name of listNames(place)) {
        if (!this.#visit(path === "" ? name : `${path}/${name}`, place, name, marks)) return false;
        if (this.#entries.length > this.#limit) return false;
      }
      return true;
    } finally {
      fs.closeSync(fd);
    }
  }

  #visit(path: string, place: string, name: string, parent: Marks | undefined): boolean {
    const { rules, prefix } = this.#options;
    const { ignored, marks } = rules.isEmpty ? { ignored: false, marks: parent } : rules.step(prefix === "" ? path : `${prefix}/${path}`, parent);
    if (ignored && !rules.hasExceptions) return true;
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const stat = fs.lstatSync(filePath(`${place}/${name}`), { throwIfNoEntry: false });
      if (stat === undefined || stat.isSocket()) return true;
      const folder = stat.isDirectory() ? openFolder(place, name) : undefined;
      if (stat.isDirectory() && folder === undefined) continue; // something else took its place
      const entry = fromStat(path, `${this.#folder}/${path}`, stat, { modes: this.#options.modes, at: `${place}/${name}` });
      if (entry === undefined) continue;
      if (!ignored) this.#entries.push(entry);
      if (folder === undefined) return true;
      const before = this.#entries.length;
      const isWhole = this.#list(path, folder, marks);
      if (ignored && this.#entries.length > before) this.#entries.push(entry); // a folder for what was taken back
      return isWhole;
    }
    throw replaced(prefix === "" ? path : `${prefix}/${path}`);
  }
}

function replaced(path: string): BuilderError {
  return new BuilderError("SOURCE_CHANGED", `Cannot read /${path} in the build context: something else takes its place while it is read`, {
    hint: "Build again when nothing writes to the context",
  });
}

export interface StatOptions {
  readonly modes: ContextMode;
  /** Where it is read, when that is not its name. */
  readonly at?: string;
}

/** Undefined when it was a link, and is none any more. */
export function fromStat(path: string, file: string, stat: fs.Stats, { modes, at = file }: StatOptions): SourceEntry | undefined {
  const type = stat.isFile()
    ? "file"
    : stat.isDirectory()
      ? "directory"
      : stat.isSymbolicLink()
        ? "symlink"
        : stat.isFIFO()
          ? "fifo"
          : stat.isCharacterDevice()
            ? "character"
            : "block";
  const target = type === "symlink" ? targetOf(at) : undefined;
  if (type === "symlink" && target === undefined) return undefined;
  return {
    path,
    type,
    mode: portableMode(type, stat.mode & 0o7777, modes),
    uid: 0,
    gid: 0,
    mtime: Math.floor(stat.mtimeMs / 1000),
    size: type === "file" ? stat.size : 0,
    file,
    ...(target === undefined ? {} : { target }),
    ...(type === "file" && stat.nlink > 1 ? { inode: `${stat.dev}:${stat.ino}` } : {}),
    ...(type === "file" ? { stamp: { ino: stat.ino, mtimeMs: stat.mtimeMs, ctimeMs: stat.ctimeMs } } : {}),
    ...(type === "character" || type === "block" ? { major: (stat.rdev >>> 8) & 0xfff, minor: (stat.rdev & 0xff) | ((stat.rdev >>> 12) & 0xfff00) } : {}),
  };
}

function targetOf(file: string): string | undefined {
  try {
    return readLink(file);
  } catch (error) {
    if (["EINVAL", "ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

function fromScan(folder: string, scanned: ScannedFile, modes: ContextMode): SourceEntry[] {
  const { path, type, mode, mtime, target } = scanned;
  if (type === "socket") return [];
  return [
    {
      path,
      type,
      mode: portableMode(type, mode, modes),
      uid: 0,
      gid: 0,
      mtime,
      size: type === "file" ? scanned.size : 0,
      file: `${folder}/${path}`,
      ...(target === undefined ? {} : { target }),
      ...(scanned.xattrs === undefined ? {} : { xattrs: scanned.xattrs }),
      ...(type === "file" && scanned.nlink > 1 ? { inode: `${scanned.dev}:${scanned.ino}` } : {}),
      ...(type === "file"
        ? { stamp: { ino: scanned.ino, mtimeMs: milliseconds(mtime, scanned.mtimeNsec), ctimeMs: milliseconds(scanned.ctime, scanned.ctimeNsec) } }
        : {}),
      ...(type === "character" || type === "block" ? { major: scanned.major, minor: scanned.minor } : {}),
    },
  ];
}

/** As fs.Stats computes it, to the last bit: both walks share one index. */
function milliseconds(seconds: number, nanoseconds: number): number {
  return seconds * 1000 + nanoseconds / 1e6;
}
