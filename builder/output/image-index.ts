/** One index over the images of several platforms. Spec: image-spec v1.1, image-index.md. */
import { MEDIA_TYPE, type Descriptor, type ImageIndex, type Platform } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import type { BuiltImage } from "../request.ts";

export async function assembleIndex(store: Pick<Store, "blobs">, images: readonly BuiltImage[]): Promise<Descriptor> {
  const manifests = images.map(({ target, platform, config }) => ({ ...target, platform: platformOf(platform, config) }));
  const index: ImageIndex = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests };
  return { mediaType: MEDIA_TYPE.index, ...(await store.blobs.put(JSON.stringify(index))) };
}

/** In the order that Go writes them, as every other index has it. */
function platformOf({ architecture, os, variant }: Platform, config: Platform): Platform {
  const version = config["os.version"];
  return { architecture, os, ...(version === undefined ? {} : { "os.version": version }), ...(variant === undefined ? {} : { variant }) };
}
