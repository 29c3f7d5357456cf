/** A file or folder of this machine as a tar stream, links kept as links. */
import { createReadStream, type Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack, type Header, type Pack } from "tar-stream";

export interface PackOptions {
  /** Name of the top entry; undefined keeps its own; "" packs what is in the folder only. */
  readonly rename: string | undefined;
  readonly keepOwners: boolean;
}

export async function* packPath(path: string, options: PackOptions): AsyncIterable<Uint8Array> {
  const tar = pack();
  const whole = resolve(path);
  add(tar, whole, options.rename ?? basename(whole), options.keepOwners).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  for await (const chunk of tar) yield chunk as Buffer;
}

async function add(tar: Pack, path: string, name: string, keepOwners: boolean): Promise<void> {
  const stat = await lstat(path);
  const header = { name, mode: stat.mode & 0o7777, mtime: stat.mtime, uid: keepOwners ? stat.uid : 0, gid: keepOwners ? stat.gid : 0 };
  if (stat.isDirectory()) {
    if (name !== "") await put(tar, { ...header, type: "directory" });
    for (const child of (await readdir(path)).toSorted()) await add(tar, join(path, child), name === "" ? child : `${name}/${child}`, keepOwners);
  } else if (stat.isSymbolicLink()) await put(tar, { ...header, type: "symlink", linkname: await readlink(path) });
  else if (stat.isFile()) await putFile(tar, path, header, stat);
}

async function put(tar: Pack, header: Partial<Header> & { readonly name: string }): Promise<void> {
  await new Promise<void>((done, fail) => {
    tar.entry(header, (error) => (error === null || error === undefined ? done() : fail(error)));
  });
}

async function putFile(tar: Pack, path: string, header: Partial<Header> & { readonly name: string }, stat: Stats): Promise<void> {
  if (stat.size === 0) return await put(tar, { ...header, type: "file", size: 0 });
  await pipeline(createReadStream(path, { end: stat.size - 1 }), tar.entry({ ...header, type: "file", size: stat.size }));
}
