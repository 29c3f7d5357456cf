/**
 * Mount points that the image lacks, as a layer between it and the upper folder: so that mounting leaves nothing in the layer
 * that is committed. Folders on the way are repeated as they are below.
 */
import * as fs from "node:fs";
import { dirname, join, posix } from "node:path";
import type { MergedView, ViewEntry } from "../../store/store.ts";

export interface MountTarget {
  readonly path: string;
  readonly isFile: boolean;
}

/** What every RUN has mounted. */
const ALWAYS: readonly MountTarget[] = [
  ...["/proc", "/sys", "/dev"].map((path) => ({ path, isFile: false })),
  ...["/etc/resolv.conf", "/etc/hosts"].map((path) => ({ path, isFile: true })),
];

/** Undefined when every target is there. */
export async function makeStubs(folder: string, below: MergedView, targets: readonly MountTarget[]): Promise<string | undefined> {
  const repeated = new Map<string, ViewEntry>();
  let isNeeded = false;
  for (const target of [...ALWAYS, ...targets]) {
    const path = target.path.replace(/^\/+/, "");
    if (path.startsWith("dev/") || path.startsWith("proc/") || path.startsWith("sys/")) continue; // made in what is mounted there
    if ((await below.lookup(path)) !== undefined || fs.existsSync(join(folder, path))) continue;
    isNeeded = true;
    const parent = posix.dirname(path) === "." ? "" : posix.dirname(path);
    const real = await repeatFolders(folder, below, parent, repeated);
    const stub = join(folder, real, posix.basename(path));
    if (target.isFile) fs.writeFileSync(stub, "", { mode: 0o644 });
    else fs.mkdirSync(stub, { recursive: true, mode: 0o755 });
  }
  if (!isNeeded) return undefined;
  repeatMetadata(folder, below === undefined ? undefined : await below.lookup(""));
  for (const [path, entry] of [...repeated].reverse()) repeatMetadata(join(folder, path), entry);
  return folder;
}

/** Makes the folders of `path` as they are below; returns where it really is. */
async function repeatFolders(folder: string, below: MergedView, path: string, repeated: Map<string, ViewEntry>): Promise<string> {
  fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (path === "") return "";
  const entry = await below.lookup(path);
  const parent = await repeatFolders(folder, below, dirname(entry?.path ?? path).replace(/^\.$/, ""), repeated);
  const real = entry?.path ?? posix.join(parent, posix.basename(path));
  fs.mkdirSync(join(folder, real), { recursive: true, mode: 0o755 });
  if (entry?.type === "directory") repeated.set(real, entry);
  return real;
}

function repeatMetadata(path: string, entry: ViewEntry | undefined): void {
  if (entry === undefined) return;
  fs.chownSync(path, entry.uid, entry.gid);
  fs.chmodSync(path, entry.mode);
  fs.utimesSync(path, entry.mtime, entry.mtime);
}
