/**
 * Writable layers: `active/<key>/{fs,work}` (of bounded ones `disk`, a file system that holds both, and `mounted`, where it belongs) and two links, `parent` to the chainID below and `owner` to the process that an ephemeral one dies with.
 * Made aside and renamed, so a key is there whole or not at all; no record in the database, which `run` would have to wait for.
 */
import { removeTree } from "../remove-tree.ts";
import { mkdir, readdir, readlink, rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { isDigest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import type { Layout } from "../layout.ts";
import { isAbandoned, ownedName } from "../owner.ts";
import type { ChainID } from "../store.ts";

export function activeFolder(layout: Layout, key: string): string {
  return join(layout.active, encodeURIComponent(key));
}

/** @throws {StoreError} `SNAPSHOT_EXISTS` */
export async function makeActive(
  layout: Layout,
  key: string,
  parent: ChainID | undefined,
  { ephemeral = false, size }: { readonly ephemeral?: boolean; readonly size?: number } = {},
): Promise<void> {
  const made = join(layout.ingest, ownedName());
  await mkdir(made);
  try {
    await Promise.all([
      size === undefined ? makeFolders(made) : (await import("./disk.ts")).makeDisk(made, size, makeFolders),
      ...(parent === undefined ? [] : [symlink(parent, join(made, "parent"))]),
      ...(ephemeral ? [symlink(ownedName(), join(made, "owner"))] : []),
    ]);
    await rename(made, activeFolder(layout, key));
  } catch (error) {
    await removeTree(made);
    if (["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? ""))
      throw new StoreError("SNAPSHOT_EXISTS", `Cannot prepare snapshot ${key}: it is there already`, { cause: error });
    throw error;
  }
}

async function makeFolders(folder: string): Promise<void> {
  await Promise.all([mkdir(join(folder, "fs"), { mode: 0o755 }), mkdir(join(folder, "work"), { mode: 0o711 })]);
}

/** Undefined when there is no such key; `parent` undefined when nothing is below it. */
export async function readActive(layout: Layout, key: string): Promise<{ readonly parent: ChainID | undefined } | undefined> {
  const parent = await readLink(join(activeFolder(layout, key), "parent"));
  if (parent !== undefined) return isDigest(parent) ? { parent } : undefined;
  try {
    await readdir(join(activeFolder(layout, key), "fs"));
    return { parent: undefined };
  } catch {
    return undefined;
  }
}

export async function listActive(layout: Layout): Promise<string[]> {
  return (await readdir(layout.active)).map(decodeURIComponent).sort();
}

/** Renamed first: a key is never half removed. */
export async function removeActive(layout: Layout, key: string): Promise<void> {
  const aside = join(layout.ingest, ownedName());
  try {
    await rename(activeFolder(layout, key), aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  await removeTree(aside);
}

/** True for an ephemeral snapshot whose process is gone. */
export async function isOrphan(layout: Layout, key: string): Promise<boolean> {
  const owner = await readLink(join(activeFolder(layout, key), "owner"));
  return owner !== undefined && isAbandoned(owner);
}

async function readLink(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch {
    return undefined;
  }
}
