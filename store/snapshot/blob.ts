/** Layers as blobs: the tar of a stack's layer, and its compressed forms, each made once and kept. */
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { gzip, GZIP_LEVEL } from "../layer/gzip.ts";
import { layerMediaType } from "../layer/media-type.ts";
import { folderPaths, type BlobForm, type DiffRecord } from "../layer/records.ts";
import { unzstd, zstd, ZSTD_LEVEL } from "../layer/zstd.ts";
import type { Descriptor } from "../oci.ts";
import type { ChainID, Compression } from "../store.ts";
import type { Stored } from "../content.ts";
import type { SnapshotHost } from "./host.ts";
import { folderTar } from "./folder-content.ts";
import { recordOf } from "./stack.ts";

const COMPRESSIONS = ["none", "gzip", "zstd"] as const;
const DEFAULT_LEVELS: Readonly<Record<Compression, number>> = { none: 0, gzip: GZIP_LEVEL, zstd: ZSTD_LEVEL };

/** The uncompressed tar: written again from the folder, or inflated from the blob it came as. */
export function layerTar(host: SnapshotHost, chain: ChainID): AsyncIterable<Uint8Array> {
  const { diffID, folder } = recordOf(host, chain);
  const diff = host.tables.diffs.get(diffID);
  if (diff?.canonical === true) return folderTar(host.treeTool, folderPaths(host.layout, diff.folder ?? folder));
  return unpacked(host, diffID, diff);
}

async function* unpacked(host: SnapshotHost, diffID: Digest, diff: DiffRecord | undefined): AsyncIterable<Uint8Array> {
  for (const compression of COMPRESSIONS) {
    const blob = diff?.blobs[compression];
    if (blob !== undefined && (await host.blobs().stat(blob.digest)) !== undefined) return yield* inflated(host.blobs().open(blob.digest), compression);
  }
  throw new StoreError("BLOB_UNKNOWN", `Cannot write the tar of layer ${diffID}: the blob it was unpacked from is gone`);
}

/** The blob that a layer of another maker was unpacked from, while it is here. */
export async function originalBlob(host: SnapshotHost, chain: ChainID): Promise<Descriptor | undefined> {
  const diff = host.tables.diffs.get(recordOf(host, chain).diffID);
  if (diff === undefined || diff.canonical) return undefined;
  const blobs = COMPRESSIONS.flatMap((compression) => diff.blobs[compression] ?? []);
  for (const blob of blobs) if ((await host.blobs().stat(blob.digest)) !== undefined) return blob;
  return undefined;
}

/** Idempotent; two processes that make the same blob make the same bytes. */
export async function layerBlob(host: SnapshotHost, chain: ChainID, compression: Compression, level?: number): Promise<Descriptor> {
  const known = await knownBlob(host, chain, compression, level);
  if (known !== undefined) return known;
  const { diffID, size } = recordOf(host, chain);
  const stored =
    compression === "none"
      ? await host.blobs().ingest(layerTar(host, chain), { digest: diffID, size })
      : await host.blobs().ingest(packedTar(host, chain, compression, level));
  return await rememberBlob(host, chain, compression, stored, level);
}

/** Made before, and still here. */
export async function knownBlob(host: SnapshotHost, chain: ChainID, compression: Compression, level?: number): Promise<Descriptor | undefined> {
  const known = host.tables.diffs.get(recordOf(host, chain).diffID)?.blobs[formOf(compression, level)];
  return known !== undefined && (await host.blobs().stat(known.digest)) !== undefined ? known : undefined;
}

export async function rememberBlob(host: SnapshotHost, chain: ChainID, compression: Compression, stored: Stored, level?: number): Promise<Descriptor> {
  const form = formOf(compression, level);
  const made: Descriptor = { mediaType: layerMediaType(compression), digest: stored.digest, size: stored.size };
  await host.tables.diffs.update(recordOf(host, chain).diffID, (current): DiffRecord | undefined =>
    current === undefined ? current : { ...current, blobs: { ...current.blobs, [form]: made } },
  );
  return made;
}

/** The usual level needs no name of its own: what was packed without one is the same. */
function formOf(compression: Compression, level: number | undefined): BlobForm {
  return level === undefined || compression === "none" || level === DEFAULT_LEVELS[compression] ? compression : `${compression}-${level}`;
}

export function packedTar(host: SnapshotHost, chain: ChainID, compression: "gzip" | "zstd", level?: number): AsyncIterable<Uint8Array> {
  const tar = layerTar(host, chain);
  return compression === "gzip" ? gzip(tar, level) : zstd(tar, level);
}

function inflated(content: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Uint8Array> {
  if (compression === "none") return content;
  return compression === "zstd" ? unzstd(content) : pipeline(content, createGunzip({ chunkSize: 1 << 20 }), () => undefined);
}
