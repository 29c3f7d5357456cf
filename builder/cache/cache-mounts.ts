/** Cache mounts of a root: where each is, when it was used, how it comes and goes as a tar. */
import * as fs from "node:fs";
import { basename, join } from "node:path";
import { filePath } from "../../store/file-names.ts";
import { ownedName } from "../../store/owner.ts";
import { removeTreeSync } from "../../store/remove-tree.ts";
import type { Store } from "../../store/store.ts";
import { folderBytes } from "../../store/care/folder-bytes.ts";
import { BuilderError } from "../errors.ts";
import { sidePath } from "../side-path.ts";
import { tryMount, type MountUse } from "./mount-lock.ts";

const MOUNTS_TABLE = "builder.mounts";

interface MountRecord {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly made: number;
  readonly at: number;
}

type Host = Pick<Store, "root" | "table">;

export interface CacheMount {
  readonly id: string;
  readonly path: string;
  readonly made: number;
  readonly at: number;
  /** Bytes on disk. */
  readonly size: number;
}

export function mountPath(store: Host, id: string): string {
  return sidePath(store.root, "mounts", id);
}

/** `path` is the folder that a step is about to use. */
export async function noteMount(store: Host, id: string, path: string): Promise<void> {
  const now = Date.now();
  await store.table<MountRecord>(MOUNTS_TABLE).update(basename(path), (current) => ({ id, made: current?.made ?? now, at: now }));
}

/** Sorted by id. Of a mount that older versions made only the folder's name is known. */
export function listMounts(store: Host): readonly CacheMount[] {
  const records = store.table<MountRecord>(MOUNTS_TABLE);
  const folder = join(store.root, "builder", "mounts");
  const names = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => /^[0-9a-f]{32}(?:\.\d+)?$/.test(name)) : [];
  const mounts = names.flatMap((name) => {
    const path = join(folder, name);
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return []; // removed just now
    const { mtimeMs } = stat;
    const { id = name, made = mtimeMs, at = mtimeMs } = records.get(name) ?? {};
    return [{ id, path, made, at, size: folderBytes(path) }];
  });
  return mounts.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.path < b.path ? -1 : 1));
}

/** False when somebody uses it. */
export async function removeMount(store: Host, { path }: Pick<CacheMount, "path">): Promise<boolean> {
  using use = tryMount(path);
  if (use === undefined) return false;
  const aside = `${path}-${ownedName()}`;
  fs.renameSync(path, aside);
  await store.table<MountRecord>(MOUNTS_TABLE).remove(basename(path));
  removeTreeSync(aside);
  return true;
}

/** The mount's files as a tar, the same files as the same bytes. @throws {BuilderError} `MOUNT_UNKNOWN`, `MOUNT_IN_USE` */
export async function* exportMount(store: Host, id: string, treeTool: string): AsyncIterable<Uint8Array> {
  using use = own(store, id, "export");
  if (!fs.existsSync(use.path)) throw unknown(id, "export");
  const { folderTar } = await import("../../store/snapshot/folder-content.ts");
  yield* folderTar(treeTool, [use.path]);
}

/** Replaces what the mount had, at once and as a whole. @throws {BuilderError} `ARCHIVE_INVALID`, `MOUNT_IN_USE` */
export async function importMount(store: Host, id: string, tar: string, signal: AbortSignal): Promise<void> {
  using use = own(store, id, "import");
  const aside = `${use.path}-${ownedName()}`;
  const scratch = `${use.path}-${ownedName()}`;
  try {
    fs.mkdirSync(aside, { mode: 0o755 });
    fs.mkdirSync(scratch, { mode: 0o700 });
    const [{ openArchive }, { writeEntries }] = await Promise.all([import("../copy/archive.ts"), import("../context/unpack-tar.ts")]);
    const { entries } = await openArchive(tar, { folder: scratch, signal });
    writeEntries(entries, aside);
    for (const { path, type, mode, uid, gid } of entries) {
      const at = filePath(join(aside, path));
      if (type !== "file" && type !== "directory" && type !== "symlink") continue;
      fs.lchownSync(at, uid, gid);
      if (type !== "symlink") fs.chmodSync(at, mode);
    }
    const old = `${use.path}-${ownedName()}`;
    if (fs.existsSync(use.path)) fs.renameSync(use.path, old);
    fs.renameSync(aside, use.path);
    removeTreeSync(old);
    await noteMount(store, id, use.path);
  } finally {
    for (const path of [aside, scratch]) removeTreeSync(path);
  }
}

/** @throws {BuilderError} `MOUNT_UNKNOWN`, `MOUNT_IN_USE` */
export async function removeMounts(store: Host, id: string): Promise<void> {
  const found = listMounts(store).filter((mount) => mount.id === id);
  if (found.length === 0) throw unknown(id, "remove");
  for (const mount of found) if (!(await removeMount(store, mount))) throw inUse(id, "remove");
}

function own(store: Host, id: string, verb: string): MountUse {
  const path = listMounts(store).find((mount) => mount.id === id)?.path ?? mountPath(store, id);
  const use = tryMount(path);
  if (use === undefined) throw inUse(id, verb);
  return use;
}

function unknown(id: string, verb: string): BuilderError {
  return new BuilderError("MOUNT_UNKNOWN", `Cannot ${verb} cache mount ${id}: there is none of that id`, {
    hint: "'strata builder cache-mount ls' lists them",
  });
}

function inUse(id: string, verb: string): BuilderError {
  return new BuilderError("MOUNT_IN_USE", `Cannot ${verb} cache mount ${id}: a build uses it`, { hint: "Try again when the build has ended" });
}
