/**
 * The read-only layer between image and upper: every mount point a container needs, so that neither the image nor the
 * upper folder is touched for them and a commit holds none. Folders that the image has keep the image's attributes. Files that are always there
 * give way to a mount that the user or the image wants in their place.
 */
import { chmodSync, chownSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { MergedView, ViewEntry } from "../../store/store.ts";

export interface MountPointRequest {
  /** Absolute, as the container sees it. */
  readonly path: string;
  readonly type: "file" | "directory";
}

const FIXED: readonly MountPointRequest[] = [
  ...["/dev", "/dev/pts", "/dev/shm", "/proc", "/sys"].map((path) => ({ path, type: "directory" }) as const),
  ...["/.dockerenv", "/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/dev/console"].map((path) => ({ path, type: "file" }) as const),
];

/** Writes the layer into `folder`, which must not exist yet. */
export async function writeInitLayer(folder: string, view: MergedView, extra: readonly MountPointRequest[]): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const parents = new Map<string, ViewEntry | undefined>();
  const targets = await Promise.all(extra.map(async ({ path }) => await resolveParents(view, path)));
  const isFree = (path: string): boolean => !targets.some((target) => target === path || target.startsWith(`${path}/`));
  for (const request of FIXED) if (request.type === "directory" || isFree(request.path)) await place(folder, view, request, parents);
  await makeParents(folder, view, "/etc", parents);
  if (isFree("/etc/mtab")) symlinkSync("/proc/mounts", join(folder, "etc/mtab"));
  for (const request of extra) await placeIfAbsent(folder, view, request, parents);
  await dressParents(folder, view, parents);
}

/** What the image has at that name is covered, links too: a mount can then not be led elsewhere. */
async function place(folder: string, view: MergedView, request: MountPointRequest, parents: Map<string, ViewEntry | undefined>): Promise<void> {
  await makeParents(folder, view, dirname(request.path), parents);
  if (request.type === "directory") await makeParents(folder, view, request.path, parents);
  else writeFileSync(join(folder, request.path), "", { mode: 0o755, flag: "a" });
}

/** A mount point that the user asked for: its place may lie behind links of the image, and is resolved inside it. */
async function placeIfAbsent(folder: string, view: MergedView, request: MountPointRequest, parents: Map<string, ViewEntry | undefined>): Promise<void> {
  const existing = await view.lookup(request.path);
  if (existing !== undefined) return;
  const resolved = await resolveParents(view, request.path);
  await place(folder, view, { ...request, path: resolved }, parents);
}

/** Where a path of the container lies when its parents are links of the image; what the image lacks of it stays as it is. */
export async function resolveParents(view: MergedView, path: string): Promise<string> {
  const parent = dirname(path);
  if (parent === "/") return path;
  const entry = await view.lookup(parent);
  const resolved = entry === undefined ? await resolveParents(view, parent) : `/${entry.path}`;
  return join(resolved, path.slice(path.lastIndexOf("/") + 1));
}

async function makeParents(folder: string, view: MergedView, path: string, parents: Map<string, ViewEntry | undefined>): Promise<void> {
  if (path === "/" || parents.has(path)) return;
  await makeParents(folder, view, dirname(path), parents);
  const entry = await view.lookup(path, { follow: false });
  parents.set(path, entry?.type === "directory" ? entry : undefined);
  mkdirSync(join(folder, path), { recursive: true, mode: 0o755 });
}

/** Last, and deepest first, because writing into a folder moves its time. */
async function dressParents(folder: string, view: MergedView, parents: ReadonlyMap<string, ViewEntry | undefined>): Promise<void> {
  const all = [...parents].toReversed();
  for (const [path, entry] of [...all, ["/", await view.lookup("/")] as const]) {
    if (entry === undefined) continue;
    const target = join(folder, path);
    chownSync(target, entry.uid, entry.gid);
    chmodSync(target, entry.mode & 0o7777);
    utimesSync(target, entry.mtime, entry.mtime);
  }
}
