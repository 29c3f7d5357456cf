/** Uploads in the bucket: any server goes on where another one was. What came is in chunks there; a little of it is in memory, until the request ends. */
import { createHash, randomUUID } from "node:crypto";
import { StoreError } from "../../store/errors.ts";
import type { Ingests, Unfinished } from "../../store/content.ts";
import { openBeat, type Beat } from "./beat.ts";
import type { Bucket, ListedObject } from "./bucket.ts";
import { chain, endOf } from "./chunks.ts";
import { BucketIngest, type Running } from "./ingest.ts";
import { uploadPrefix, UPLOADS } from "./keys.ts";
import type { UploadMemory } from "./upload-memory.ts";
import { removeUpload, uploadsOf } from "./uploads.ts";

/** Uploads whose running hash is kept between requests; the others are read again when they end. */
const MAX_HASHES = 1024;
const ID = /^[0-9a-f-]{36}$/;

export interface IngestsOptions {
  readonly bucket: Bucket;
  readonly memory: UploadMemory;
  /** Milliseconds: an upload whose last sign is younger is not removed. */
  readonly quietMs: number;
}

export function openIngests({ bucket, memory, quietMs }: IngestsOptions): Ingests {
  const running = new Map<string, Running>();
  const remember = (id: string, state: Running | undefined): void => {
    running.delete(id);
    if (state !== undefined) running.set(id, state);
    for (const oldest of running.keys()) if (running.size > MAX_HASHES) running.delete(oldest);
  };
  return {
    async create() {
      const id = randomUUID();
      await bucket.put(sessionKey(id), "");
      return new BucketIngest({ bucket, memory, id, chunks: [], running: freshHash(), remember: (state) => remember(id, state), beat: beatOf(bucket, id) });
    },
    async open(id) {
      const { chunks, modifiedAt } = await uploadOf(bucket, id);
      const known = running.get(id);
      remember(id, undefined); // until it is put down in order: what fails on the way must not be taken for hashed
      const isOurs = known?.offset === endOf(chunks) && known.chunks.length === chunks.length && known.chunks.every((key, at) => key === chunks[at]?.key);
      const beat = beatOf(bucket, id, Date.now() - modifiedAt);
      return new BucketIngest({ bucket, memory, id, chunks, running: isOurs ? known : undefined, remember: (state) => remember(id, state), beat });
    },
    offset: async (id) => endOf((await uploadOf(bucket, id)).chunks),
    async *list() {
      for await (const { id, objects, modifiedAt } of uploadsOf(bucket)) yield { id, size: bytesOf(objects), writtenAt: modifiedAt };
    },
    expire: async (before, isUsed) => await removeOlder({ bucket, quietMs }, before, isUsed),
  };
}

/** An upload of one request, which nobody goes on with. */
export function openOnce(bucket: Bucket, memory: UploadMemory): BucketIngest {
  const id = randomUUID();
  return new BucketIngest({ bucket, memory, id, chunks: [], running: freshHash(), remember: () => undefined, beat: beatOf(bucket, id) });
}

function freshHash(): Running {
  return { hash: createHash("sha256"), offset: 0, chunks: [] };
}

function sessionKey(id: string): string {
  return `${uploadPrefix(id)}session`;
}

function beatOf(bucket: Bucket, id: string, quietMs?: number): Beat {
  return openBeat(async () => await bucket.put(sessionKey(id), ""), quietMs);
}

async function uploadOf(bucket: Bucket, id: string): Promise<{ readonly chunks: ReturnType<typeof chain>; readonly modifiedAt: number }> {
  const listed = ID.test(id) ? await listAll(bucket, id) : [];
  if (!listed.some(({ key }) => key === sessionKey(id)))
    throw new StoreError("INGEST_UNKNOWN", `Cannot continue upload ${JSON.stringify(id)}: there is none of that id`);
  return { chunks: chain(id, listed), modifiedAt: lastOf(listed) };
}

type Removing = Pick<IngestsOptions, "bucket" | "quietMs">;

async function removeOlder({ bucket, quietMs }: Removing, before: number, isUsed: (id: string) => boolean): Promise<readonly Unfinished[]> {
  const { now } = await bucket.page(UPLOADS, undefined, 1);
  const quiet = Math.min(before, now - quietMs);
  const removed: Unfinished[] = [];
  for await (const { id, modifiedAt } of uploadsOf(bucket)) {
    if (modifiedAt >= quiet || isUsed(id)) continue;
    const objects = await listAll(bucket, id); // again: the list may be old by now
    if (objects.length === 0 || lastOf(objects) >= quiet) continue;
    await removeUpload(bucket, objects);
    removed.push({ id, size: bytesOf(objects), writtenAt: modifiedAt });
  }
  return removed;
}

function lastOf(objects: readonly ListedObject[]): number {
  return Math.max(...objects.map(({ modifiedAt }) => modifiedAt));
}

function bytesOf(objects: readonly ListedObject[]): number {
  return objects.reduce((sum, { size }) => sum + size, 0);
}

async function listAll(bucket: Bucket, id: string): Promise<readonly ListedObject[]> {
  const all = [];
  for await (const object of bucket.list(uploadPrefix(id))) all.push(object);
  return all;
}
