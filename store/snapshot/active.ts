/**
 * Writable layers: `active/<key>/{fs,work}` (of bounded ones `disk`, a file system that holds both, and `mounted`, where it belongs) and two links, `parent` to the chainID below and `owner` to the process that an ephemeral one dies with.
 * Made aside and renamed, so a key is there whole or not at all; no record in the database, which `run` would have to wait for.
 */
import { removeTree } from "../remove-tree.ts";
import { mkdirSync, readdirSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
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
  mkdirSync(made);
  try {
    if (size === undefined) makeFolders(made);
    else await (await import("./disk.ts")).makeDisk(made, size, makeFolders);
    if (parent !== undefined) symlinkSync(parent, join(made, "parent"));
    if (ephemeral) symlinkSync(ownedName(), join(made, "owner"));
    renameSync(made, activeFolder(layout, key));
  } catch (error) {
    await removeTree(made);
    if (["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? ""))
      throw new StoreError("SNAPSHOT_EXISTS", `Cannot prepare snapshot ${key}: it is there already`, { cause: error });
    throw error;
  }
}

function makeFolders(folder: string): void {
  mkdirSync(join(folder, "fs"), { mode: 0o755 });
  mkdirSync(join(folder, "work"), { mode: 0o711 });
}

/** Undefined when there is no such key; `parent` undefined when nothing is below it. */
export function readActive(layout: Layout, key: string): { readonly parent: ChainID | undefined } | undefined {
  const parent = readLink(join(activeFolder(layout, key), "parent"));
  if (parent !== undefined) return isDigest(parent) ? { parent } : undefined;
  try {
    readdirSync(join(activeFolder(layout, key), "fs"));
    return { parent: undefined };
  } catch {
    return undefined;
  }
}

export function listActive(layout: Layout): string[] {
  return readdirSync(layout.active).map(decodeURIComponent).sort();
}

/** Renamed first: a key is never half removed. */
export async function removeActive(layout: Layout, key: string): Promise<void> {
  const aside = join(layout.ingest, ownedName());
  try {
    renameSync(activeFolder(layout, key), aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  await removeTree(aside);
}

/** True for an ephemeral snapshot whose process is gone. */
export function isOrphan(layout: Layout, key: string): boolean {
  const owner = readLink(join(activeFolder(layout, key), "owner"));
  return owner !== undefined && isAbandoned(owner);
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
