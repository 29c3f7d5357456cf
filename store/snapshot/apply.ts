/**
 * A pulled layer becomes a folder, while it is still coming. Its blob stays: another writer's tar cannot be written again from the files.
 * Unpacking needs nothing of the layers below, so layers of one image are staged side by side and then committed in order.
 */
import { removeTree } from "../remove-tree.ts";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { isResumable, resuming, type Missing } from "../blob/resume.ts";
import { BlobWriter, algorithmFor } from "../blob/writer.ts";
import type { Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import type { Applied, ApplyTask } from "../layer/apply.ts";
import { chainOf } from "../layer/chain.ts";
import { openGrowth, type Growth } from "../layer/growing.ts";
import { compressionOf } from "../layer/media-type.ts";
import type { Workers } from "../layer/workers.ts";
import { folderID, type FolderRecord } from "../layer/records.ts";
import { applyOperations, type Operation } from "../native/operations.ts";
import { lent } from "../lent.ts";
import type { Descriptor } from "../oci.ts";
import { ownedName } from "../owner.ts";
import type { ChainID, Layer, MergedView, StagedLayer } from "../store.ts";
import type { SnapshotHost } from "./host.ts";
import { viewOf } from "./stack.ts";
import { useFolder, useLayer } from "./use.ts";
import { moveIntoPlace } from "./write.ts";

/** Idempotent. @throws {StoreError} `LAYER_INVALID`, `DIGEST_MISMATCH`, `BLOB_UNKNOWN`, `UNSUPPORTED` */
export async function applyBlob(
  host: SnapshotHost,
  parent: ChainID | undefined,
  blob: Descriptor,
  diffID: Digest,
  content?: AsyncIterable<Uint8Array>,
): Promise<Layer> {
  const chain = chainOf(parent, diffID);
  const present = useLayer(host, chain);
  if (present !== undefined) return present;
  await using staged = await stageLayer(host, blob, diffID, content);
  return await staged.commit(parent);
}

/** @throws {StoreError} as `applyBlob` */
export async function stageLayer(host: SnapshotHost, blob: Descriptor, diffID: Digest, content?: AsyncIterable<Uint8Array>): Promise<StagedLayer> {
  const known = host.tables.diffs.get(diffID);
  const folder = known?.folder;
  if (folder !== undefined && useFolder(host, folder)) {
    return {
      commit: async (parent) => await host.record(parent, { ...known!, diffID, folder, isShared: true }),
      async [Symbol.asyncDispose]() {},
    };
  }
  host.begin();
  const aside = join(host.layout.ingest, ownedName());
  await mkdir(aside, { mode: 0o711 });
  const dispose = async (): Promise<void> => await removeTree(aside);
  try {
    const applied = await unpack(host, join(aside, "fs"), blob, diffID, content);
    return { commit: async (parent) => await admit(host, aside, parent, { applied, diffID, blob }), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function unpack(host: SnapshotHost, folder: string, blob: Descriptor, diffID: Digest, content: AsyncIterable<Uint8Array> | undefined): Promise<Applied> {
  const task = { kind: "apply", treeTool: host.treeTool, folder, scratch: host.layout.ingest, compression: compressionOf(blob.mediaType), diffID } as const;
  const workers = await host.workers();
  if ((await host.blobs().stat(blob.digest)) !== undefined) return await workers.run({ ...task, blob: host.blobs().path(blob.digest) });
  if (content === undefined) throw new StoreError("BLOB_UNKNOWN", `Cannot unpack layer ${blob.digest}: it is not in the store`);
  const receiveInto = async (writer: BlobWriter, coming: Missing): Promise<Applied> => {
    await removeTree(folder); // of a beginning that was wrong
    if (task.compression === "zstd") return await receiveZstd(workers, task, blob, writer, coming);
    const growth = openGrowth();
    const unpacking = workers.run({ ...task, blob: writer.path, growth: growth.shared });
    const [stored, applied] = await Promise.allSettled([receive(writer, blob, coming, growth), unpacking]);
    if (stored.status === "rejected") throw stored.reason;
    if (applied.status === "rejected") throw applied.reason;
    return applied.value;
  };
  if (isResumable(content)) return await resuming(host.layout, blob, content, receiveInto);
  await using writer = await BlobWriter.open(host.layout, algorithmFor(blob));
  return await receiveInto(writer, content);
}

/** Milliseconds in which less comes than a processor's cache holds. */
const LOOK_MS = 5;

type TaskOf = Omit<ApplyTask, "blob" | "growth">;

/** Through a program, which a worker cannot feed. */
async function receiveZstd(workers: Workers, task: TaskOf, blob: Descriptor, writer: BlobWriter, coming: AsyncIterable<Uint8Array>): Promise<Applied> {
  const { openComingTar } = await import("../layer/unzstd-coming.ts");
  await using tar = await openComingTar(task.scratch);
  const unpacking = workers.run({ ...task, compression: "none", blob: tar.path, growth: tar.growth.shared }).catch((error: unknown) => {
    tar.stop();
    throw tar.failure ?? error;
  });
  const [stored, applied] = await Promise.allSettled([receive(writer, blob, tar.passing(coming, writer), openGrowth()), unpacking]);
  if (stored.status === "rejected") throw stored.reason;
  if (applied.status === "rejected") throw applied.reason;
  return applied.value;
}

/** Stored as a blob in its own right, whatever becomes of the unpacking. */
async function receive(writer: BlobWriter, blob: Descriptor, content: Missing, growth: Growth): Promise<void> {
  let isWhole = false;
  try {
    if (!(await fill(content, growth))) {
      for await (const chunk of lent(content)) {
        await writer.write(chunk);
        growth.grew();
      }
    }
    isWhole = true;
  } finally {
    growth.end(isWhole);
  }
  await writer.commit(blob);
}

/** Whoever unpacks looks now and then how far it is. */
async function fill(content: Missing, growth: Growth): Promise<boolean> {
  if (content.fill === undefined) return false;
  const looking = setInterval(() => growth.grew(), LOOK_MS);
  try {
    return await content.fill();
  } finally {
    clearInterval(looking);
  }
}

/** Folders that the tar took for granted look as they do below. */
async function adoptParents(treeTool: string, folder: string, implied: readonly string[], below: MergedView): Promise<void> {
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
  applyOperations(treeTool, folder, operations);
}

interface Found {
  readonly applied: Applied;
  readonly diffID: Digest;
  readonly blob: Descriptor;
}

async function admit(host: SnapshotHost, aside: string, parent: ChainID | undefined, { applied, diffID, blob }: Found): Promise<Layer> {
  const isShared = applied.implied.length === 0;
  await adoptParents(host.treeTool, join(aside, "fs"), applied.implied, viewOf(host, parent));
  const folder: FolderRecord = { id: folderID(isShared ? diffID : chainOf(parent, diffID), isShared), ...applied.facts };
  await moveIntoPlace(aside, join(host.layout.layers, folder.id));
  const blobs = { [compressionOf(blob.mediaType)]: blob };
  return await host.record(parent, { diffID, size: applied.size, folder, isShared, canonical: false, blobs });
}
