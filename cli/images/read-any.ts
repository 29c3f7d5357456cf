/** An image to look at, not to run: this machine's of an index, else the first that is here. */
import { isIndex, parseIndex } from "../../store/image/documents.ts";
import { StoreError } from "../../store/errors.ts";
import type { Image, ImageRecord, Store } from "../../store/store.ts";

/** @throws {StoreError} `PLATFORM_UNKNOWN` when no image of it is here */
export async function readAny(store: Pick<Store, "blobs" | "images">, { name, target, storedAt }: ImageRecord): Promise<Image> {
  const read = async (platform?: Parameters<Store["images"]["read"]>[1]): Promise<Image> => ({
    ...(await store.images.read(target, platform)),
    name,
    storedAt,
  });
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof StoreError) || !["PLATFORM_UNKNOWN", "BLOB_UNKNOWN"].includes(error.code) || !isIndex(target)) throw error;
    for (const manifest of parseIndex(await store.blobs.read(target.digest)).manifests) {
      const isImage = manifest.platform !== undefined && manifest.platform.os !== "unknown";
      if (isImage && (await store.blobs.has(manifest))) return await read(manifest.platform);
    }
    throw error;
  }
}
