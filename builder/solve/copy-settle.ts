/**
 * Files that somebody writes to while they are copied. What was hashed must be what is copied: else the cache would give one content for
 * another, from then on. So a file that changed meanwhile is read once into a file of our own, and that is what counts.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { filePath, readLink } from "../../store/file-names.ts";
import { ownedName } from "../../store/owner.ts";
import type { ContextMode } from "../context/context-mode.ts";
import { placeOf } from "../context/open-below.ts";
import type { SourceEntry } from "../context/tree.ts";
import { fromStat } from "../context/walk.ts";
import type { Placed } from "../copy/place.ts";
import { BuilderError } from "../errors.ts";

const BUFFER_BYTES = 1 << 20;
/** So often a copy is read again in the hope that nobody writes meanwhile; a log never rests, and then the last one counts. */
const MAX_READS = 3;

/** Told by stat data, which any write changes. */
export function changedEntries(entries: Iterable<SourceEntry>): ReadonlySet<SourceEntry> {
  const changed = new Set<SourceEntry>();
  for (const entry of entries) {
    const { file, stamp } = entry;
    if (stamp === undefined) continue;
    const now = fs.lstatSync(filePath(file), { throwIfNoEntry: false });
    if (now?.ino !== stamp.ino || now.mtimeMs !== stamp.mtimeMs || now.ctimeMs !== stamp.ctimeMs) changed.add(entry);
  }
  return changed;
}

/** For what is not settled: a layer of other files than those that were hashed must not be remembered as theirs. @throws {BuilderError} `SOURCE_CHANGED` */
export function refuseChanged(entries: Iterable<SourceEntry>): void {
  const [changed] = changedEntries(entries);
  if (changed === undefined) return;
  throw new BuilderError("SOURCE_CHANGED", `Cannot show ${changed.file} to the build: it changed while it was read`, {
    hint: "Build again when nothing writes to the context",
  });
}

export interface Settled {
  readonly placed: readonly Placed[];
  /** Of the entries that are new. */
  readonly digests: ReadonlyMap<SourceEntry, string>;
}

/** `folder` is for the copies. What is gone is left out, as if it had never been there. @throws {BuilderError} `SOURCE_CHANGED` for a source itself */
export function settle(placed: readonly Placed[], changed: ReadonlySet<SourceEntry>, folder: string, modes: ContextMode): Settled {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const digests = new Map<SourceEntry, string>();
  const byInode = new Map<string, Copied>();
  const renew = (entry: SourceEntry): SourceEntry[] => {
    if (!changed.has(entry)) return [entry];
    const now = restat(entry, modes);
    if (now === undefined) return [];
    if (now.type !== "file") return [now];
    const known = now.inode === undefined ? undefined : byInode.get(now.inode);
    const copied = known ?? copyOf(now.file, join(folder, ownedName()));
    if (copied === undefined) return [];
    if (now.inode !== undefined) byInode.set(now.inode, copied);
    const { stamp: _, ...rest } = now;
    const settled = { ...rest, file: copied.file, size: copied.size };
    digests.set(settled, copied.digest);
    return [settled];
  };
  const renewed = placed.map(({ pattern, source }) => {
    const entries = source.entries.flatMap(renew);
    if (entries[0]?.path !== source.entries[0]?.path) throw vanished(source.path);
    return { pattern, source: { ...source, entries } };
  });
  return { placed: renewed, digests };
}

function restat(entry: SourceEntry, modes: ContextMode): SourceEntry | undefined {
  const stat = fs.lstatSync(filePath(entry.file), { throwIfNoEntry: false });
  if (stat === undefined || stat.isSocket()) return undefined;
  if (stat.isDirectory())
    throw new BuilderError("SOURCE_CHANGED", `Cannot copy ${entry.file}: a folder took its place while it was copied`, {
      hint: "Build again when nothing writes to the context",
    });
  return fromStat(entry.path, entry.file, stat, { modes });
}

interface Copied {
  readonly file: string;
  readonly size: number;
  readonly digest: string;
}

/** Undefined when it is gone. */
function copyOf(from: string, file: string): Copied | undefined {
  for (let reads = 1; ; reads++) {
    const copied = copyOnce(from, file);
    if (copied === undefined || !copied.isTorn || reads === MAX_READS) return copied;
  }
}

function copyOnce(from: string, file: string): (Copied & { readonly isTorn: boolean }) | undefined {
  const source = openSource(from);
  if (source === undefined) return undefined;
  const target = fs.openSync(file, "w", 0o600);
  try {
    const before = fs.fstatSync(source);
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    const hash = createHash("sha256");
    let size = 0;
    while (size < before.size) {
      const read = fs.readSync(source, buffer, 0, Math.min(before.size - size, buffer.length), null);
      if (read === 0) break; // it shrank: then it is shorter
      hash.update(buffer.subarray(0, read));
      for (let at = 0; at < read;) at += fs.writeSync(target, buffer, at, read - at);
      size += read;
    }
    const after = fs.fstatSync(source);
    return { file, size, digest: hash.digest("hex"), isTorn: after.ctimeMs !== before.ctimeMs || after.size !== before.size };
  } finally {
    fs.closeSync(source);
    fs.closeSync(target);
  }
}

/** Entries have real paths: one that leads elsewhere by now goes through a link that somebody put in a folder's place. */
function openSource(path: string): number | undefined {
  try {
    const fd = fs.openSync(filePath(path), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
    if (readLink(placeOf(fd)) === path) return fd;
    fs.closeSync(fd);
    return undefined;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

export function vanished(path: string): BuilderError {
  return new BuilderError("SOURCE_CHANGED", `Cannot copy /${path}: it vanished while it was copied`, {
    hint: "Build again when nothing writes to the context",
  });
}
