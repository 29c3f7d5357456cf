/**
 * Writes a wide or big layer: the tree tool makes the files and sends the tar, which is hashed here meanwhile; two processes, one pass.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { finish } from "../digest.ts";
import { filePath } from "../file-names.ts";
import { pipeTreeTool } from "../native/tree-tool.ts";
import { applyOperations } from "../native/operations.ts";
import type { LayerEntry } from "../store.ts";
import { specialOperations, type TarSum } from "./create.ts";
import { saveTarList } from "./tar-list.ts";
import { Wishes } from "./wishes.ts";

/** As `createLayer`, without stopping the event loop. `list`: where to keep what amending it takes, if it can be. @throws {StoreError} `NATIVE_FAILED` */
export async function createNatively(treeTool: string, folder: string, entries: readonly LayerEntry[], list?: string): Promise<TarSum> {
  const wishes = new Wishes({ listed: list !== undefined && entries.every(isListed) });
  const sum = await hashTar(treeTool, folder, creation(entries, wishes));
  if (list !== undefined && wishes.list().length > 0) saveTarList(list, wishes.list());
  const special = entries.flatMap((entry) => (isPlain(entry) ? [] : specialOperations(entry)));
  if (special.length === 0) return sum;
  const times = entries.flatMap(({ path, type, mtime }) => (type === "directory" ? [{ kind: "times", path, mtime } as const] : []));
  applyOperations(treeTool, folder, [...special, ...times]);
  return sum;
}

/** The tar of a folder as it is; `entries` in normal order. @throws {StoreError} `NATIVE_FAILED` */
export async function sumNatively(treeTool: string, folder: string, entries: readonly LayerEntry[]): Promise<TarSum> {
  return await hashTar(treeTool, folder, reading(entries));
}

/** The tar of a folder with a list, changed in a few places. @throws {StoreError} `NATIVE_FAILED` */
export async function sumAmended(treeTool: string, folder: string, wishes: readonly Buffer[]): Promise<TarSum> {
  return await hashTar(treeTool, folder, wishes);
}

/** Whatever does not depend on another entry, or on what is below. */
function isListed({ type, xattrs }: LayerEntry): boolean {
  return (type === "file" || type === "directory" || type === "symlink") && xattrs === undefined;
}

function isPlain({ type, xattrs }: LayerEntry): boolean {
  return (type === "file" || type === "directory") && xattrs === undefined;
}

async function hashTar(treeTool: string, folder: string, wishes: Iterable<Buffer>): Promise<TarSum> {
  const hash = createHash("sha256");
  let size = 0;
  await pipeTreeTool(treeTool, ["write", folder], wishes, (bytes) => {
    hash.update(bytes);
    size += bytes.length;
  });
  return { diffID: finish(hash), size };
}

function* reading(entries: readonly LayerEntry[]): Generator<Buffer> {
  const wishes = new Wishes();
  for (const entry of entries) {
    if (entry.type === "file") yield* wishes.add("r", entry, { size: entry.size ?? 0 });
    else yield* wishes.add("n", entry);
  }
  yield* wishes.archiveEnd();
  yield wishes.rest();
}

/** Links after all files: none of those may be written through one. Folders get their mode and time when nothing changes in them any more. */
function* creation(entries: readonly LayerEntry[], wishes: Wishes): Generator<Buffer> {
  for (const entry of entries) {
    if (entry.type === "file") yield* file(wishes, entry);
    else yield* wishes.add(entry.type === "directory" ? "d" : "n", entry);
  }
  yield* wishes.archiveEnd();
  for (const entry of entries) if (entry.type === "hardlink") yield* wishes.add("h", entry, { source: entry.target ?? "" });
  for (const entry of entries) if (entry.type === "symlink") yield* wishes.add("s", entry, { source: entry.target ?? "" });
  for (const entry of entries) if (entry.type === "directory") yield* wishes.add("t", entry);
  yield wishes.rest();
}

function* file(wishes: Wishes, entry: LayerEntry): Generator<Buffer> {
  const { source } = entry;
  if (source === undefined || "bytes" in source) {
    const content = source?.bytes ?? new Uint8Array();
    yield* wishes.add("b", entry, { size: content.length });
    yield wishes.rest();
    yield Buffer.from(content.buffer, content.byteOffset, content.length);
    return;
  }
  const path = "link" in source ? source.link : source.copy;
  const mayLink = "link" in source && entry.xattrs === undefined;
  yield* wishes.add(mayLink ? "l" : "f", entry, { source: path, size: entry.size ?? statSync(filePath(path)).size });
}
