/** An image in the form in which it leaves the store: layers that were built here packed, everything else as it came unless that is forced. */
import { chainsOf } from "../layer/chain.ts";
import { compressionOf, layerMediaType } from "../layer/media-type.ts";
import { MEDIA_TYPE, type Descriptor, type Manifest } from "../oci.ts";
import type { ChainID, Packing, Store } from "../store.ts";
import { withAnnotations, type Annotator } from "./annotator.ts";
import { isIndex, isManifest, parseConfig, parseIndex, parseManifest } from "./documents.ts";
import { carryReferrers } from "./retarget.ts";

export interface ExportForm extends Packing {
  /** Layers that came packed in another way too. */
  readonly force?: boolean;
  /** Docker's media types instead of OCI's. */
  readonly docker?: boolean;
  readonly annotate?: Annotator;
}

type Source = Pick<Store, "blobs" | "snapshots" | "table">;

/** `target` itself when nothing has to change. The config, and so the image id, stays; idempotent. */
export async function exportableImage(store: Source, target: Descriptor, form: ExportForm): Promise<Descriptor> {
  if (isIndex(target)) return await exportableIndex(store, target, form);
  if (!isManifest(target)) return target;
  const manifest = parseManifest(await store.blobs.read(target.digest));
  const isImage = manifest.artifactType === undefined && isConfig(manifest.config);
  if (!isImage) return target; // an attestation or the like
  const config = parseConfig(await store.blobs.read(manifest.config.digest));
  const chains = chainsOf(config.rootfs.diff_ids);
  const layers: Descriptor[] = [];
  for (const [index, layer] of manifest.layers.entries()) layers.push(await exportableLayer(store, layer, chains[index], form));
  const described = withTypes({ ...manifest, layers }, form);
  const changed = withAnnotations(described, form.annotate?.("manifest", config) ?? {});
  const descriptor = withAnnotations({ ...target, mediaType: changed.mediaType ?? target.mediaType }, form.annotate?.("manifest-descriptor", config) ?? {});
  return await stored(store, [target, manifest], [descriptor, changed]);
}

async function exportableIndex(store: Source, target: Descriptor, form: ExportForm): Promise<Descriptor> {
  const index = parseIndex(await store.blobs.read(target.digest));
  const manifests: Descriptor[] = [];
  for (const manifest of index.manifests) {
    const isHere = (await store.blobs.stat(manifest.digest)) !== undefined;
    manifests.push(isHere ? await exportableImage(store, manifest, form) : manifest);
  }
  const mediaType = form.docker === true ? MEDIA_TYPE.dockerIndex : target.mediaType;
  const typed = { ...index, manifests, ...(form.docker === true ? { mediaType } : {}) };
  const changed = withAnnotations(typed, form.annotate?.("index") ?? {});
  return await stored(store, [target, index], [withAnnotations({ ...target, mediaType }, form.annotate?.("index-descriptor") ?? {}), changed]);
}

type Document = readonly [descriptor: Descriptor, content: object];

async function stored(store: Source, before: Document, now: Document): Promise<Descriptor> {
  if (JSON.stringify(before) === JSON.stringify(now)) return before[0];
  const descriptor = { ...now[0], ...(await store.blobs.put(JSON.stringify(now[1]))) };
  await carryReferrers(store, before[0].digest, descriptor);
  return descriptor;
}

async function exportableLayer(store: Source, layer: Descriptor, chain: ChainID | undefined, form: ExportForm): Promise<Descriptor> {
  if (chain === undefined || (await store.snapshots.get(chain)) === undefined) return layer;
  const { mediaType } = layer;
  if (mediaType !== MEDIA_TYPE.layerTar && form.force !== true) return layer;
  const original = form.force === true ? undefined : await store.snapshots.original(chain);
  if (original !== undefined) return plainTyped(original);
  if (compressionOf(mediaType) === form.compression && (await store.blobs.has(layer))) return layer;
  return await store.snapshots.blob(chain, form.compression, form.level);
}

/** Registries may have given it docker's name; the manifest that it goes into is OCI's. */
function plainTyped({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType: layerMediaType(compressionOf(mediaType)), digest, size };
}

function withTypes(manifest: Manifest, { docker = false }: ExportForm): Manifest {
  if (!docker) return manifest;
  const layers = manifest.layers.map((layer) =>
    layer.urls === undefined ? { ...layer, mediaType: layerMediaType(compressionOf(layer.mediaType), true) } : layer,
  );
  return { ...manifest, mediaType: MEDIA_TYPE.dockerManifest, config: { ...manifest.config, mediaType: MEDIA_TYPE.dockerConfig }, layers };
}

function isConfig({ mediaType }: Descriptor): boolean {
  return mediaType === MEDIA_TYPE.config || mediaType === MEDIA_TYPE.dockerConfig;
}
