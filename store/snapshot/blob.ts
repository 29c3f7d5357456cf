/** Layers as blobs: the tar of a stack's layer, and its compressed form made once and kept. */
import { spawn } from "node:child_process";
import { createGunzip } from "node:zlib";
import { pipeline } from "node:stream";
import { StoreError } from "../errors.ts";
import { gzip } from "../layer/gzip.ts";
import { folderPaths, type DiffRecord } from "../layer/records.ts";
import { MEDIA_TYPE, type Descriptor } from "../oci.ts";
import type { ChainID, Compression } from "../store.ts";
import type { SnapshotHost } from "./host.ts";
import { folderTar } from "./folder-content.ts";
import { recordOf } from "./stack.ts";

const MEDIA_TYPES: Readonly<Record<Compression, string>> = { none: MEDIA_TYPE.layerTar, gzip: MEDIA_TYPE.layerGzip, zstd: MEDIA_TYPE.layerZstd };

/** The uncompressed tar: written again from the folder, or inflated from the blob it came as. */
export async function* layerTar(host: SnapshotHost, chain: ChainID): AsyncIterable<Uint8Array> {
  const { diffID, folder } = recordOf(host, chain);
  const diff = host.tables.diffs.get(diffID);
  if (diff?.canonical === true) return yield* folderTar(host.helper, folderPaths(host.layout, diff.folder ?? folder));
  for (const compression of ["none", "gzip", "zstd"] as const) {
    const blob = diff?.blobs[compression];
    if (blob !== undefined && (await host.blobs().stat(blob.digest)) !== undefined) return yield* inflated(host.blobs().open(blob.digest), compression);
  }
  throw new StoreError("BLOB_UNKNOWN", `Cannot write the tar of layer ${diffID}: the blob it was unpacked from is gone`);
}

/** Idempotent; two processes that make the same blob make the same bytes. */
export async function layerBlob(host: SnapshotHost, chain: ChainID, compression: Compression): Promise<Descriptor> {
  const { diffID, size } = recordOf(host, chain);
  const known = host.tables.diffs.get(diffID)?.blobs[compression];
  if (known !== undefined && (await host.blobs().stat(known.digest)) !== undefined) return known;
  const blobs = host.blobs();
  const tar = layerTar(host, chain);
  const stored =
    compression === "none" ? await blobs.ingest(tar, { digest: diffID, size }) : await blobs.ingest(compression === "gzip" ? gzip(tar) : throughZstd(tar, []));
  const made: Descriptor = { mediaType: MEDIA_TYPES[compression], digest: stored.digest, size: stored.size };
  await host.tables.diffs.update(diffID, (current): DiffRecord | undefined =>
    current === undefined ? current : { ...current, blobs: { ...current.blobs, [compression]: made } },
  );
  return made;
}

function inflated(content: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Uint8Array> {
  if (compression === "none") return content;
  if (compression === "zstd") return throughZstd(content, ["-d"]);
  return pipeline(content, createGunzip({ chunkSize: 1 << 20 }), () => undefined);
}

/** Node 20 has no zstd of its own. */
async function* throughZstd(content: AsyncIterable<Uint8Array>, flags: readonly string[]): AsyncIterable<Uint8Array> {
  const child = spawn("zstd", ["-c", "-q", "-3", "-T0", ...flags], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("close", resolve);
    child.on("error", (cause) =>
      reject(new StoreError("UNSUPPORTED", "Cannot use zstd: the program is not installed", { cause, hint: "Install the package zstd, or ask for gzip" })),
    );
  });
  ended.catch(() => undefined);
  pipeline(content, child.stdin, () => undefined);
  yield* child.stdout as AsyncIterable<Uint8Array>;
  if ((await ended) !== 0) throw new StoreError("LAYER_INVALID", "Cannot read or write zstd data: the program failed");
}
