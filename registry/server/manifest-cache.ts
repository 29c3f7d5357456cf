/** Manifests in memory, within a budget; they are named by digest, so an entry is never stale. */
import type { Digest } from "../../store/digest.ts";
import type { Content } from "../storage.ts";

export interface ManifestCache {
  /** @throws `BLOB_UNKNOWN` */
  read(digest: Digest): Promise<Uint8Array>;
}

export const MAX_MANIFEST_BYTES = 4 << 20;
const CACHE_BYTES = 16 << 20;

export function openManifestCache(blobs: Pick<Content, "read">): ManifestCache {
  const entries = new Map<Digest, Uint8Array>();
  let size = 0;
  return {
    async read(digest): Promise<Uint8Array> {
      const known = entries.get(digest);
      if (known !== undefined) return known;
      const bytes = await blobs.read(digest, MAX_MANIFEST_BYTES);
      if (!entries.has(digest)) size += bytes.length;
      entries.set(digest, bytes);
      for (const [oldest, old] of entries) {
        if (size <= CACHE_BYTES) break;
        entries.delete(oldest);
        size -= old.length;
      }
      return bytes;
    },
  };
}
