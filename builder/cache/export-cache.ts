/** --cache-to: the layers of a build packed and sent side by side, then the document that says which step gave which, then its name. */
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import type { ChainID, Store } from "../../store/store.ts";
import type { Progress } from "../progress.ts";
import type { UsedKeys } from "../solve/cache.ts";
import { Semaphore } from "../solve/semaphore.ts";
import { CACHE_CONFIG_TYPE, encodeCache, type CachedLayer } from "./format.ts";
import type { Imports } from "./imports.ts";
import { placeName, type CacheDocumentBytes, type CacheStorage, type CacheTarget, type OpenCacheStorage } from "./storage.ts";

const PARALLEL = 4;
const EMPTY: CacheDocumentBytes = documentOf(MEDIA_TYPE.empty, {});

/** What there is to export. */
export interface Exported {
  readonly store: Store;
  readonly imports: Imports | undefined;
  /** Keys of the build's steps. */
  readonly steps: UsedKeys;
  /** The result, of each platform. */
  readonly chains: readonly (ChainID | undefined)[];
}

/** A failure is an error unless `ignoreError` says that it is only a warning. */
export async function exportCache(target: CacheTarget, exported: Exported, open: OpenCacheStorage, progress: Progress): Promise<void> {
  const vertex = progress.start(`exporting cache to ${placeName(target.place)}`);
  try {
    await using storage = await open(target.place);
    await send(target, exported, storage);
    vertex.done();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!target.ignoreError) {
      vertex.failed(message, false);
      throw error;
    }
    vertex.output("stderr", Buffer.from(`WARNING: the cache was not exported: ${message}\n`));
    vertex.done();
  }
}

/** The layers that steps of the build gave, lowest first. What is below them comes with the base image. */
export async function layersOfSteps({ store, imports, steps }: Exported): Promise<ReadonlyMap<ChainID, Omit<CachedLayer, "blob">>> {
  const layers = new Map<ChainID, Omit<CachedLayer, "blob">>();
  for (const chain of new Set([...steps.values()].map((step) => step.chain))) {
    const layer = (await store.snapshots.get(chain)) ?? imports?.layer(chain);
    if (layer !== undefined) layers.set(chain, { chain, parent: layer.parent, diffID: layer.diffID });
  }
  return layers;
}

/** Those that are part of the result. */
export function resultLayers(layers: ReadonlyMap<ChainID, Omit<CachedLayer, "blob">>, chains: Exported["chains"]): ReadonlySet<ChainID> {
  const found = new Set<ChainID>();
  for (const chain of chains) for (let at = chain; at !== undefined; at = layers.get(at)?.parent) if (layers.has(at)) found.add(at);
  return found;
}

async function send(target: CacheTarget, exported: Exported, storage: CacheStorage): Promise<void> {
  const layers = await layersOfSteps(exported);
  const wanted = target.mode === "max" ? new Set(layers.keys()) : resultLayers(layers, exported.chains);
  const turn = new Semaphore(PARALLEL);
  const sending = new Map<string, Promise<void>>(); // two steps may give the same bytes
  const sent = await Promise.all(
    [...wanted].sort().map(async (chain) => await turn.run(async () => [chain, await sendLayer(chain, target, exported, { storage, sending })] as const)),
  );
  const blobs: Descriptor[] = [];
  const indexes = new Map<ChainID, number>();
  for (const [chain, blob] of sent) {
    if (blob === undefined) continue;
    const known = blobs.findIndex(({ digest }) => digest === blob.digest);
    indexes.set(chain, known < 0 ? blobs.push(blob) - 1 : known);
  }
  const config = documentOf(CACHE_CONFIG_TYPE, encodeCache(exported.steps, layers, indexes));
  if (blobs.length === 0) blobs.push(EMPTY.descriptor);
  await Promise.all([config, ...(blobs[0] === EMPTY.descriptor ? [EMPTY] : [])].map(async ({ descriptor, bytes }) => await put(storage, descriptor, bytes)));
  await storage.finish(await topOf(target, manifestOf(target, config.descriptor, blobs), storage));
}

interface Sending {
  readonly storage: CacheStorage;
  readonly sending: Map<string, Promise<void>>;
}

/** Undefined when its content is nowhere: then it stays a promise. */
async function sendLayer(chain: ChainID, target: CacheTarget, { store, imports }: Exported, { storage, sending }: Sending): Promise<Descriptor | undefined> {
  const isHere = (await store.snapshots.get(chain)) !== undefined;
  const foreign = isHere ? undefined : imports?.layer(chain);
  const blob = isHere ? await store.snapshots.blob(chain, target.compression, target.level) : foreign?.blob;
  if (blob === undefined) return undefined;
  const open = (offset: number): AsyncIterable<Uint8Array> =>
    foreign === undefined ? store.blobs.open(blob.digest, { start: offset, end: blob.size }) : from(foreign.source.storage.fetch(blob), offset);
  const sent = sending.get(blob.digest) ?? sendBlob(storage, blob, open);
  sending.set(blob.digest, sent);
  await sent;
  return blob;
}

async function sendBlob(storage: CacheStorage, blob: Descriptor, open: (offset: number) => AsyncIterable<Uint8Array>): Promise<void> {
  if (!(await storage.has(blob))) await storage.push(blob, open);
}

async function* from(content: AsyncIterable<Uint8Array>, offset: number): AsyncIterable<Uint8Array> {
  let at = 0;
  for await (const chunk of content) {
    if (at + chunk.length > offset) yield chunk.subarray(Math.max(0, offset - at));
    at += chunk.length;
  }
}

function manifestOf({ ociTypes }: CacheTarget, config: Descriptor, layers: readonly Descriptor[]): CacheDocumentBytes {
  const mediaType = ociTypes ? MEDIA_TYPE.manifest : MEDIA_TYPE.dockerManifest;
  const typed = ociTypes ? layers : layers.map((layer) => (layer.mediaType === MEDIA_TYPE.layerGzip ? { ...layer, mediaType: MEDIA_TYPE.dockerLayer } : layer));
  return documentOf(mediaType, { schemaVersion: 2, mediaType, config, layers: typed });
}

async function topOf({ imageManifest, ociTypes }: CacheTarget, manifest: CacheDocumentBytes, storage: CacheStorage): Promise<CacheDocumentBytes> {
  if (imageManifest) return manifest;
  await put(storage, manifest.descriptor, manifest.bytes);
  const mediaType = ociTypes ? MEDIA_TYPE.index : MEDIA_TYPE.dockerIndex;
  return documentOf(mediaType, { schemaVersion: 2, mediaType, manifests: [{ ...manifest.descriptor, artifactType: CACHE_CONFIG_TYPE }] });
}

async function put(storage: CacheStorage, descriptor: Descriptor, bytes: Uint8Array): Promise<void> {
  await sendBlob(storage, descriptor, async function* (offset) {
    yield bytes.subarray(offset);
  });
}

function documentOf(mediaType: string, document: unknown): CacheDocumentBytes {
  const bytes = Buffer.from(JSON.stringify(document));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
