/** A pulled layer becomes a folder. Its blob stays: another writer's tar cannot be written again from the files. */
import { join } from "node:path";
import type { Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { chainOf } from "../layer/chain.ts";
import type { Applied } from "../layer/apply.ts";
import { folderID, layerOf, type FolderRecord } from "../layer/records.ts";
import { applyOperations, type Operation } from "../native/operations.ts";
import { MEDIA_TYPE, type Descriptor } from "../oci.ts";
import type { ChainID, Compression, Layer, MergedView } from "../store.ts";
import type { SnapshotHost } from "./host.ts";
import { viewOf } from "./stack.ts";
import { inNewFolder, moveIntoPlace } from "./write.ts";

/** Idempotent. @throws {StoreError} `LAYER_INVALID`, `DIGEST_MISMATCH`, `BLOB_UNKNOWN`, `UNSUPPORTED` */
export async function applyBlob(
  host: SnapshotHost,
  parent: ChainID | undefined,
  blob: Descriptor,
  diffID: Digest,
  content?: AsyncIterable<Uint8Array>,
): Promise<Layer> {
  const chain = chainOf(parent, diffID);
  const present = host.tables.layers.get(chain);
  if (present !== undefined) return layerOf(host.layout, chain, present);
  const compression = compressionOf(blob.mediaType);
  const known = host.tables.diffs.get(diffID);
  if (known?.folder !== undefined) return await host.record(parent, { ...known, diffID, folder: known.folder, isShared: true });
  if (content !== undefined) await host.blobs().push(blob, content);
  if ((await host.blobs().stat(blob.digest)) === undefined) throw new StoreError("BLOB_UNKNOWN", `Cannot unpack layer ${blob.digest}: it is not in the store`);
  return await inNewFolder(host, async (aside) => {
    const folder = join(aside, "fs");
    const task = {
      kind: "apply",
      helper: host.helper,
      folder,
      scratch: host.layout.ingest,
      blob: host.blobs().path(blob.digest),
      digest: blob.digest,
      compression,
      diffID,
    } as const;
    const applied = await (await host.workers()).run(task);
    await adoptParents(host.helper, folder, applied.implied, viewOf(host, parent));
    return await admit(host, aside, parent, { applied, diffID, blob, compression });
  });
}

/** @throws {StoreError} `UNSUPPORTED` */
export function compressionOf(mediaType: string): Compression {
  if (mediaType === MEDIA_TYPE.layerTar || mediaType.endsWith(".tar")) return "none";
  if (mediaType === MEDIA_TYPE.dockerLayer || /[.+]gzip$/.test(mediaType)) return "gzip";
  if (/[.+]zstd$/.test(mediaType)) return "zstd";
  throw new StoreError("UNSUPPORTED", `Cannot unpack a layer of media type ${mediaType}: it is neither tar, gzip nor zstd`);
}

/** Folders that the tar took for granted look as they do below. */
async function adoptParents(helper: string, folder: string, implied: readonly string[], below: MergedView): Promise<void> {
  const operations: Operation[] = [];
  for (const path of implied) {
    const found = await below.lookup(path, { follow: false });
    if (found?.type !== "directory" || found.path !== path) continue;
    for (const [name, value] of Object.entries(found.xattrs ?? {})) operations.push({ kind: "xattr", path, name, value });
    operations.push(
      { kind: "owner", path, uid: found.uid, gid: found.gid },
      { kind: "mode", path, mode: found.mode },
      { kind: "times", path, mtime: found.mtime },
    );
  }
  applyOperations(helper, folder, operations);
}

interface Found {
  readonly applied: Applied;
  readonly diffID: Digest;
  readonly blob: Descriptor;
  readonly compression: Compression;
}

async function admit(host: SnapshotHost, aside: string, parent: ChainID | undefined, { applied, diffID, blob, compression }: Found): Promise<Layer> {
  const isShared = applied.implied.length === 0;
  const folder: FolderRecord = { id: folderID(isShared ? diffID : chainOf(parent, diffID), isShared), ...applied.facts };
  await moveIntoPlace(aside, join(host.layout.layers, folder.id));
  return await host.record(parent, { diffID, size: applied.size, folder, isShared, canonical: false, blobs: { [compression]: blob } });
}
