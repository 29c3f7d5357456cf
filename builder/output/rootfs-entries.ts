/** The built file system as a list: of one image, or of several, each below a folder named after its platform. */
import { formatPlatform } from "../../store/image/platform.ts";
import type { Store } from "../../store/store.ts";
import { StackTree } from "../context/stack-tree.ts";
import type { SourceEntry } from "../context/tree.ts";
import type { BuiltImage } from "../request.ts";

export interface RootfsOptions {
  /** False puts the files of all platforms into one place; the last one's win. */
  readonly split: boolean;
  /** Seconds: the time of the platforms' folders. */
  readonly epoch: number;
}

/** Parents before what is in them. */
export async function rootfsEntries(store: Store, images: readonly BuiltImage[], { split, epoch }: RootfsOptions): Promise<readonly SourceEntry[]> {
  const found = await Promise.all(images.map(async (image) => await entriesOf(store, image)));
  if (images.length === 1) return found[0] ?? [];
  if (!split) return merged(found.flat());
  return images.flatMap(({ platform }, at) => {
    const folder = formatPlatform(platform).replaceAll("/", "_");
    const own = (found[at] ?? []).map((entry) => ({
      ...entry,
      path: `${folder}/${entry.path}`,
      ...(entry.inode === undefined ? {} : { inode: `${folder}:${entry.inode}` }),
    }));
    return [{ path: folder, type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: epoch, size: 0, file: "" } satisfies SourceEntry, ...own];
  });
}

async function entriesOf(store: Store, { chain }: BuiltImage): Promise<readonly SourceEntry[]> {
  if (chain === undefined) return [];
  const [root] = await new StackTree(await store.snapshots.view(chain), "the result").select("/", { exclude: [] });
  return root?.entries.slice(1) ?? [];
}

/** Of a path that several have, the last one's. What another had below a folder that is none any more goes, lest it be written through a link. */
function merged(entries: readonly SourceEntry[]): readonly SourceEntry[] {
  const last = new Map(entries.map((entry) => [entry.path, entry]));
  const kept = new Set<string>([""]);
  return [...last.values()].sort(byPath).filter(({ path, type }) => {
    const isKept = kept.has(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    if (isKept && type === "directory") kept.add(path);
    return isKept;
  });
}

function byPath(a: SourceEntry, b: SourceEntry): number {
  return a.path < b.path ? -1 : 1;
}
