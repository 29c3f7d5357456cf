/** First use of an empty volume: the image's files below the mount point are copied in, modes and owners kept. */
import { copyFile, chmod, lchown, link, mkdir, readdir, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { MergedView, ViewEntry } from "../../store/store.ts";

/** Nothing happens when the volume holds something already or the image has no such folder. Names come from the view: no link is followed. */
export async function populate(view: MergedView, target: string, folder: string): Promise<void> {
  const source = await view.lookup(target);
  if (source === undefined || source.type !== "directory" || (await readdir(folder)).length > 0) return;
  await copyChildren(view, source.path, folder, new Map());
  await dress(folder, source);
}

async function copyChildren(view: MergedView, path: string, folder: string, links: Map<string, string>): Promise<void> {
  for (const name of await view.list(`/${path}`)) {
    const inside = join(path, name);
    const entry = await view.lookup(`/${inside}`, { follow: false });
    if (entry === undefined) continue;
    await copyEntry(view, entry, inside, join(folder, name), links);
  }
}

async function copyEntry(view: MergedView, entry: ViewEntry, inside: string, destination: string, links: Map<string, string>): Promise<void> {
  switch (entry.type) {
    case "directory":
      await mkdir(destination);
      await copyChildren(view, inside, destination, links);
      break;
    case "symlink":
      await symlink(entry.target ?? "", destination);
      await lchown(destination, entry.uid, entry.gid);
      return;
    case "file":
    case "hardlink": {
      const first = links.get(entry.file);
      if (first !== undefined) return await link(first, destination);
      links.set(entry.file, destination);
      await copyFile(entry.file, destination);
      break;
    }
    default:
      return; /* devices and pipes have no place in a volume */
  }
  await dress(destination, entry);
}

async function dress(path: string, entry: ViewEntry): Promise<void> {
  await lchown(path, entry.uid, entry.gid);
  await chmod(path, entry.mode & 0o7777);
  await utimes(path, entry.mtime, entry.mtime);
}
