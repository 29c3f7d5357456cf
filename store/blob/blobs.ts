/** Content by digest. A layer that was built here and never left is a blob too: its tar is written again from its folder. */
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, parseDigest, type Algorithm, type Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { blobPath, type Layout } from "../layout.ts";
import { isLending, lent } from "../lent.ts";
import { renew } from "../renew.ts";
import type { Blobs, ByteRange, Stored } from "../content.ts";
import { partialBytes } from "./partials.ts";
import { isResumable, resuming } from "./resume.ts";
import { writeBehind } from "./write-behind.ts";
import { algorithmFor, BlobWriter } from "./writer.ts";

const CHUNK_BYTES = 128 << 10;
/** Manifests and configs are read whole; nothing else should be. */
export const MAX_DOCUMENT_BYTES = 4 << 20;

/** Content that is there without a file. */
export interface VirtualBlobs {
  stat(digest: Digest): Stored | undefined;
  open(digest: Digest): AsyncIterable<Uint8Array>;
}

/** `begin` is told before each write. */
export function openBlobs(layout: Layout, virtual: VirtualBlobs, begin: () => void): Blobs {
  const blobs: Blobs = {
    stat: async (digest) => (await statBlob(layout, digest)) ?? virtual.stat(digest),
    path: (digest) => blobPath(layout, digest),
    open: (digest, range) => openBlob(layout, virtual, digest, range),
    fetch: (descriptor) => blobs.open(descriptor.digest),
    has: async ({ digest }) => renew(blobPath(layout, digest)) || virtual.stat(digest) !== undefined,
    begun: (digest) => partialBytes(layout, digest),
    async push(descriptor, content) {
      if (!isResumable(content)) return void (await blobs.ingest(content, descriptor));
      begin();
      await resuming(layout, descriptor, content, async (writer, missing) => {
        if ((await missing.fill?.()) !== true) await receive(writer, missing, isLending(content));
        await writer.commit(descriptor);
      });
    },
    read: async (digest, limit = MAX_DOCUMENT_BYTES) => readFile(layout, digest, limit) ?? (await readWhole(blobs, digest, limit)),
    async ingest(content, expected) {
      begin();
      await using writer = await BlobWriter.open(layout, algorithmFor(expected));
      await receive(writer, lent(content), isLending(content));
      return await writer.commit(expected);
    },
    async put(bytes, algorithm: Algorithm = "sha256") {
      const content = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
      const digest = digestOf(content, algorithm);
      begin();
      if (renew(blobPath(layout, digest))) return { digest, size: content.length };
      await using writer = await BlobWriter.open(layout, algorithm);
      await writer.write(content);
      return await writer.commit();
    },
    remove: async (digest) => await rm(blobPath(layout, digest), { force: true }),
    list: () => listBlobs(layout),
  };
  return blobs;
}

/** Chunks that are lent are large already, and the next one comes meanwhile. */
async function receive(writer: BlobWriter, content: AsyncIterable<Uint8Array>, isLent: boolean): Promise<void> {
  if (isLent) for await (const chunk of content) await writer.write(chunk);
  else await writeBehind(content, async (block) => await writer.write(block));
}

async function statBlob(layout: Layout, digest: Digest): Promise<Stored | undefined> {
  try {
    return { digest, size: (await stat(blobPath(layout, digest))).size };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function* openBlob(layout: Layout, virtual: VirtualBlobs, digest: Digest, range: ByteRange | undefined): AsyncIterable<Uint8Array> {
  const present = await statBlob(layout, digest);
  if (present === undefined && virtual.stat(digest) === undefined) throw new StoreError("BLOB_UNKNOWN", `Cannot open blob ${digest}: it is not in the store`);
  if (present === undefined) return yield* slice(virtual.open(digest), range);
  await using file = await open(blobPath(layout, digest));
  const end = Math.min(range?.end ?? present.size, present.size);
  for (let at = range?.start ?? 0; at < end;) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* slice(content: AsyncIterable<Uint8Array>, range: ByteRange | undefined): AsyncIterable<Uint8Array> {
  if (range === undefined) return yield* content;
  let at = 0;
  for await (const chunk of content) {
    const part = chunk.subarray(Math.max(0, range.start - at), Math.max(0, range.end - at));
    if (part.length > 0) yield part;
    at += chunk.length;
    if (at >= range.end) return;
  }
}

/** At once: for what is small, other threads take longer to begin than the whole takes here. Undefined when there is no such file. */
function readFile(layout: Layout, digest: Digest, limit: number): Uint8Array | undefined {
  let fd: number;
  try {
    fd = openSync(blobPath(layout, digest), "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    if (fstatSync(fd).size > limit) throw tooLong(digest, limit);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function tooLong(digest: Digest, limit: number): StoreError {
  return new StoreError("SIZE_MISMATCH", `Cannot read blob ${digest}: it is longer than ${limit} bytes`);
}

async function readWhole(blobs: Blobs, digest: Digest, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of blobs.open(digest)) {
    size += chunk.length;
    if (size > limit) throw tooLong(digest, limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* listBlobs(layout: Layout): AsyncIterable<Stored> {
  for (const algorithm of ["sha256", "sha512"] as const) {
    for (const name of (await readdir(join(layout.blobs, algorithm))).sort()) {
      const stored = await statBlob(layout, parseDigest(`${algorithm}:${name}`));
      if (stored !== undefined) yield stored;
    }
  }
}
