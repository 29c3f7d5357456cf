/** An image in the form in which it leaves the store: layers that were built here packed, everything else as it came. */
import { MEDIA_TYPE, type Descriptor } from "../oci.ts";
import { chainsOf } from "../layer/chain.ts";
import type { Compression, Store } from "../store.ts";
import { isIndex, isManifest, parseConfig, parseIndex, parseManifest } from "./documents.ts";

type Source = Pick<Store, "blobs" | "snapshots">;

/** `target` itself when nothing has to be packed. The config, and so the image id, stays; idempotent. */
export async function exportableImage(store: Source, target: Descriptor, compression: Compression): Promise<Descriptor> {
  if (isIndex(target)) return await exportableIndex(store, target, compression);
  if (!isManifest(target) || compression === "none") return target;
  const manifest = parseManifest(await store.blobs.read(target.digest));
  if (!manifest.layers.some(isPlain)) return target;
  const chains = chainsOf(parseConfig(await store.blobs.read(manifest.config.digest)).rootfs.diff_ids);
  const layers: Descriptor[] = [];
  for (const [index, layer] of manifest.layers.entries()) {
    const chain = chains[index];
    const canPack = isPlain(layer) && chain !== undefined && (await store.snapshots.get(chain)) !== undefined;
    layers.push(canPack ? await store.snapshots.blob(chain, compression) : layer);
  }
  return { ...target, ...(await store.blobs.put(JSON.stringify({ ...manifest, layers }))) };
}

async function exportableIndex(store: Source, target: Descriptor, compression: Compression): Promise<Descriptor> {
  const index = parseIndex(await store.blobs.read(target.digest));
  const manifests: Descriptor[] = [];
  for (const manifest of index.manifests) {
    const isHere = (await store.blobs.stat(manifest.digest)) !== undefined;
    manifests.push(isHere ? { ...manifest, ...(await exportableImage(store, manifest, compression)) } : manifest);
  }
  if (manifests.every(({ digest }, at) => digest === index.manifests[at]?.digest)) return target;
  return { ...target, ...(await store.blobs.put(JSON.stringify({ ...index, manifests }))) };
}

function isPlain({ mediaType }: Descriptor): boolean {
  return mediaType === MEDIA_TYPE.layerTar;
}
