/** The documents of an image that was built here. Its layers are named by their uncompressed tars, which need not exist as files. */
import { StoreError } from "../errors.ts";
import { MEDIA_TYPE, type Descriptor, type ImageConfig, type Manifest } from "../oci.ts";
import type { Layer } from "../store.ts";
import type { Blobs } from "../content.ts";

/** @throws {StoreError} `CONFIG_INVALID` */
export async function assembleImage(blobs: Blobs, layers: readonly Layer[], config: ImageConfig): Promise<Descriptor> {
  if (layers.some(({ diffID }, index) => config.rootfs.diff_ids[index] !== diffID) || config.rootfs.diff_ids.length !== layers.length) {
    throw new StoreError("CONFIG_INVALID", "Cannot assemble image: its config's diff_ids are not those of its layers");
  }
  const stored = await blobs.put(JSON.stringify(config));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, digest: stored.digest, size: stored.size },
    layers: layers.map(({ diffID, size }) => ({ mediaType: MEDIA_TYPE.layerTar, digest: diffID, size })),
  };
  return { mediaType: MEDIA_TYPE.manifest, ...(await blobs.put(JSON.stringify(manifest))) };
}
