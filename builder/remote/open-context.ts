/** A build context that is elsewhere, as a folder of this machine: a git repository, a tar, or a single file. */
import { removeTreeSync } from "../../store/remove-tree.ts";
import * as fs from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { isAbandoned, ownedName } from "../../store/owner.ts";
import type { SourceEntry } from "../context/tree.ts";
import { remoteKind } from "../plan/remote-kind.ts";
import { download } from "./download.ts";
import { checkout, subfolder } from "./git-checkout.ts";
import { resolveCommit } from "./git-resolve.ts";
import { parseGitUrl } from "./git-url.ts";
import type { RemoteScope } from "./scope.ts";

export interface OpenContextOptions {
  /** Of this build: what is unpacked goes there. */
  readonly scratch: string;
  readonly keepGitDir: boolean;
}

export interface OpenedContext {
  readonly kind: "folder" | "file";
  readonly path: string;
  /** Seconds: of the commit, or Last-Modified, or of the newest entry of an archive. */
  readonly time: number | undefined;
}

/** @throws {BuilderError} `GIT_INVALID`, `GIT_FAILED`, `DOWNLOAD_FAILED`, `ARCHIVE_INVALID`, `LOCK_BROKEN` */
export async function openContext(url: string, scope: RemoteScope, options: OpenContextOptions): Promise<OpenedContext> {
  if (remoteKind(url) !== "url") {
    const path = await gitTree(url, options.keepGitDir, scope);
    return { kind: "folder", path, time: fs.statSync(path).mtimeMs / 1000 }; // every file and folder of it has the commit's
  }
  const { file, mtime } = await download(url, scope);
  const modified = mtime === 0 ? undefined : mtime;
  const [{ tryArchive }, { writeEntries }] = await Promise.all([import("../copy/archive.ts"), import("../context/unpack-tar.ts")]);
  const folder = join(options.scratch, ownedName());
  const path = join(folder, "context");
  fs.mkdirSync(path, { recursive: true, mode: 0o700 });
  const source = await tryArchive(file, { folder, signal: scope.signal ?? new AbortController().signal });
  if (source === undefined) return { kind: "file", path: file, time: modified };
  writeEntries(source.entries, path);
  return { kind: "folder", path, time: modified ?? newest(source.entries) };
}

/** Seconds. Folders that the archive itself does not hold have no time. */
function newest(entries: readonly SourceEntry[]): number | undefined {
  const times = entries.map(({ mtime }) => mtime).filter((time) => time !== Number.MAX_SAFE_INTEGER);
  return times.length === 0 ? undefined : times.reduce((latest, time) => Math.max(latest, time));
}

/** As `openContext`, but always a folder: a single file stands in one, under BuildKit's name for it. */
export async function openContextFolder(url: string, scope: RemoteScope, options: OpenContextOptions): Promise<string> {
  const opened = await openContext(url, scope, options);
  if (opened.kind === "folder") return opened.path;
  const folder = join(options.scratch, ownedName());
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  fs.copyFileSync(opened.path, join(folder, "context"));
  return folder;
}

/** A commit's files stay where they are, so that the next build of it knows them by their stat data. */
async function gitTree(url: string, keeps: boolean, scope: RemoteScope): Promise<string> {
  const reference = parseGitUrl(url);
  const commit = await resolveCommit(reference, scope);
  const keepGitDir = reference.keepGitDir ?? keeps;
  const name = createHash("sha256")
    .update(JSON.stringify([reference.remote, commit, keepGitDir, reference.submodules]))
    .digest("hex");
  const path = join(treesIn(scope.root), name.slice(0, 32));
  if (!fs.existsSync(path)) await makeTree(path, async (fresh) => await checkout({ reference, commit, keepGitDir }, fresh, scope));
  const now = new Date();
  fs.utimesSync(`${path}.used`, now, now);
  return subfolder(path, reference);
}

/** Whole or absent: two builds may make it at once, and the first one's stays. */
async function makeTree(path: string, make: (fresh: string) => Promise<unknown>): Promise<void> {
  const folder = dirname(path);
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of fs.readdirSync(folder)) if (isAbandoned(name)) removeTreeSync(join(folder, name));
  const fresh = join(folder, ownedName());
  try {
    await make(fresh);
    fs.writeFileSync(`${path}.used`, "");
    fs.renameSync(fresh, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY" && (error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    removeTreeSync(fresh);
  }
}

export function treesIn(root: string): string {
  return join(root, "builder", "git", "trees");
}
