/** A container's tar onto this machine, as docker cp does it: never through a link that came with it, never outside the target. */
import { makeFolders } from "../../store/make-folders.ts";
import { removeTree } from "../../store/remove-tree.ts";
import { createWriteStream } from "node:fs";
import { chmod, lchown, lstat, stat, symlink, link, utimes } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import { ExitError } from "../errors.ts";

type Entry = AsyncIterable<unknown> & { readonly header: Header; resume(): unknown };

export interface UnpackOptions {
  /** The source ended in `/.`: its content goes into the target folder. */
  readonly contentsOnly: boolean;
  readonly keepOwners: boolean;
}

export async function unpackTar(tar: AsyncIterable<Uint8Array>, target: string, options: UnpackOptions): Promise<void> {
  const isFolder = await stat(target).then(
    (found) => found.isDirectory(),
    () => false,
  );
  let isBegun = false;
  const entries = extract();
  const source = Readable.from(tar);
  source.on("error", (error) => entries.destroy(error)).pipe(entries);
  for await (const entry of entries) {
    if (!isFolder && /\/\.?$/.test(target) && !isBegun && entry.header.type !== "directory") throw new ExitError(1, "no such directory"); // docker's words
    isBegun = true;
    const path = placeOf(entry.header.name, target, isFolder, options.contentsOnly);
    if (path === undefined) entry.resume();
    else await unpackEntry(entry, path, resolve(target), (name) => placeOf(name, target, isFolder, options.contentsOnly), options.keepOwners);
  }
}

function placeOf(name: string, target: string, isFolder: boolean, contentsOnly: boolean): string | undefined {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new ExitError(1, `Cannot copy ${JSON.stringify(name)}: the path leads out of its folder`);
  const inside = isFolder && !contentsOnly ? parts : parts.slice(1);
  return inside.length === 0 && isFolder ? undefined : join(resolve(target), ...inside);
}

async function unpackEntry(entry: Entry, path: string, top: string, place: (name: string) => string | undefined, keepOwners: boolean): Promise<void> {
  const { header } = entry;
  await refuseLinks(header.type === "directory" ? path : dirname(path), top); // a link in a folder's place would lend its target the folder's mode
  if (header.type === "directory") {
    makeFolders(path);
    entry.resume();
  } else {
    await removeTree(path);
    if (header.type === "symlink") await symlink(header.linkname ?? "", path);
    else if (header.type === "link") await link(place(header.linkname ?? "") ?? path, path);
    else if (header.type === "file" || header.type === "contiguous-file") await pipeline(Readable.from(entry), createWriteStream(path, { flags: "wx" }));
    entry.resume();
    if (header.type === "symlink" || header.type === "link") return;
  }
  if (keepOwners) await lchown(path, header.uid ?? 0, header.gid ?? 0);
  if (header.type !== "directory" && header.type !== "file" && header.type !== "contiguous-file") return;
  await chmod(path, (header.mode ?? 0o644) & 0o7777);
  if (header.mtime !== undefined) await utimes(path, header.mtime, header.mtime);
}

/** No parent below the target may be a link: it may have come with the tar. */
async function refuseLinks(folder: string, top: string): Promise<void> {
  if (!folder.startsWith(`${top}/`)) return;
  await refuseLinks(dirname(folder), top);
  const found = await lstat(folder).catch(() => undefined);
  if (found?.isSymbolicLink() === true) throw new ExitError(1, `Cannot copy into ${folder}: it is a link`);
}
