/** Uploads in the bucket: any server goes on where another one was. What came is in chunks there; a little of it is in memory, until the request ends. */
import { createHash, randomUUID } from "node:crypto";
import { StoreError } from "../../store/errors.ts";
import type { Ingests } from "../../store/content.ts";
import type { Bucket } from "./bucket.ts";
import { chain, endOf } from "./chunks.ts";
import { BucketIngest, type Running } from "./ingest.ts";
import { uploadPrefix } from "./keys.ts";
import type { UploadMemory } from "./upload-memory.ts";
import { removeUpload, uploadsOf } from "./uploads.ts";

/** Uploads whose running hash is kept between requests; the others are read again when they end. */
const MAX_HASHES = 1024;
const ID = /^[0-9a-f-]{36}$/;

export function openIngests(bucket: Bucket, memory: UploadMemory): Ingests {
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
      return new BucketIngest({ bucket, memory, id, chunks: [], running: freshHash(), remember: (state) => remember(id, state) });
    },
    async open(id) {
      const chunks = await chunksOf(bucket, id);
      const known = running.get(id);
      remember(id, undefined); // until it is put down in order: what fails on the way must not be taken for hashed
      const isOurs = known?.offset === endOf(chunks) && known.chunks.length === chunks.length && known.chunks.every((key, at) => key === chunks[at]?.key);
      return new BucketIngest({ bucket, memory, id, chunks, running: isOurs ? known : undefined, remember: (state) => remember(id, state) });
    },
    offset: async (id) => endOf(await chunksOf(bucket, id)),
    async expire(before, isUsed) {
      for await (const { id, objects, modifiedAt } of uploadsOf(bucket)) if (modifiedAt < before && !isUsed(id)) await removeUpload(bucket, objects);
    },
  };
}

/** An upload of one request, which nobody goes on with. */
export function openOnce(bucket: Bucket, memory: UploadMemory): BucketIngest {
  return new BucketIngest({ bucket, memory, id: randomUUID(), chunks: [], running: freshHash(), remember: () => undefined });
}

function freshHash(): Running {
  return { hash: createHash("sha256"), offset: 0, chunks: [] };
}

function sessionKey(id: string): string {
  return `${uploadPrefix(id)}session`;
}

async function chunksOf(bucket: Bucket, id: string): Promise<ReturnType<typeof chain>> {
  const listed = ID.test(id) ? await listAll(bucket, id) : [];
  if (!listed.some(({ key }) => key === sessionKey(id)))
    throw new StoreError("INGEST_UNKNOWN", `Cannot continue upload ${JSON.stringify(id)}: there is none of that id`);
  return chain(id, listed);
}

async function listAll(bucket: Bucket, id: string): Promise<readonly { readonly key: string; readonly size: number }[]> {
  const all = [];
  for await (const object of bucket.list(uploadPrefix(id))) all.push(object);
  return all;
}
