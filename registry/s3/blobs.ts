/** Blobs in the bucket, named by what they hold. */
import { digestOf, type Algorithm, type Digest } from "../../store/digest.ts";
import type { Expected, Stored } from "../../store/content.ts";
import { RegistryError } from "../errors.ts";
import type { Content } from "../storage.ts";
import type { Bucket } from "./bucket.ts";
import { openOnce } from "./ingests.ts";
import { blobKey } from "./keys.ts";
import type { UploadMemory } from "./upload-memory.ts";
import { readObject } from "./read-object.ts";
import { isKept } from "./sweep.ts";

export function openBlobs(bucket: Bucket, memory: UploadMemory): Content {
  const stat = async (digest: Digest): Promise<Stored | undefined> => {
    const found = await bucket.stat(blobKey(digest));
    return found === undefined ? undefined : { digest, size: found.size };
  };
  return {
    stat,
    has: async ({ digest }) => await isKept(bucket, digest),
    open: (digest, range) => readObject(bucket, blobKey(digest), range),
    async read(digest, limit = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
      const found = await stat(digest);
      if (found !== undefined && found.size > limit)
        throw new RegistryError("SIZE_INVALID", `Cannot read ${digest}: it has ${found.size} bytes, and ${limit} are allowed`);
      const bytes = await bucket.read(blobKey(digest));
      if (bytes === undefined) throw new RegistryError("BLOB_UNKNOWN", `Cannot read ${digest}: it is not in the bucket`);
      return bytes;
    },
    async ingest(content, expected: Expected = {}): Promise<Stored> {
      const ingest = openOnce(bucket, memory);
      try {
        await ingest.write(content);
        return await ingest.commit(expected);
      } catch (error) {
        await ingest.abort().catch(() => undefined); // the next collection takes it
        throw error;
      }
    },
    async put(content, algorithm: Algorithm = "sha256"): Promise<Stored> {
      const bytes = typeof content === "string" ? Buffer.from(content) : content;
      const digest = digestOf(bytes, algorithm);
      await bucket.put(blobKey(digest), bytes);
      return { digest, size: bytes.length };
    },
  };
}
