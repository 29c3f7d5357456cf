/** Bytes of an image's files: its layers' uncompressed tars where they are unpacked, else the blobs. */
import { chainsOf } from "../../store/layer/chain.ts";
import type { Image, Store } from "../../store/store.ts";

export async function imageSize(store: Store, image: Pick<Image, "config" | "manifest">): Promise<number> {
  const chains = chainsOf(image.config.rootfs.diff_ids);
  const sizes = await Promise.all(chains.map(async (chain, index) => (await store.snapshots.get(chain))?.size ?? image.manifest.layers[index]?.size ?? 0));
  return sizes.reduce((sum, size) => sum + size, 0);
}
