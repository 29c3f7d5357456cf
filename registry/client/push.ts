/** An image of the store into a repository: layers compressed and sent side by side, the manifest when everything it names is there. */
import { digestOf } from "../../store/digest.ts";
import { isIndex, parseIndex, parseManifest } from "../../store/image/documents.ts";
import { hostPlatform } from "../../store/image/platform.ts";
import { chainsOf } from "../../store/layer/chain.ts";
import { MEDIA_TYPE, type Descriptor, type Manifest, type Platform } from "../../store/oci.ts";
import type { ChainID, Image, Store } from "../../store/store.ts";
import type { GrowingBlob } from "../../store/content.ts";
import { fileContent } from "./file-content.ts";
import { limit, type Limit } from "./limit.ts";
import type { Fetched, RemoteRepository } from "./remote-repository.ts";
import { once } from "../../store/known-bytes.ts";

export interface PushOptions {
  /** Of an index, only this platform's image. @default all that are here */
  readonly platform?: Platform | undefined;
  /** Which manifest of the store stands in the repository as which. */
  readonly onManifest?: (from: Descriptor, to: Descriptor) => void;
}

type Source = Pick<Store, "blobs" | "snapshots" | "images">;

const PARALLEL = 4;
/** A layer of more keeps all cores busy when it is packed. */
const LARGE_BYTES = 8 << 20;

/** Sends everything that the image names; its manifest itself is for the caller to `tag`. Layers that were built here leave as gzip, the same bytes every time. */
export async function push(store: Source, repository: RemoteRepository, target: Descriptor, options: PushOptions = {}): Promise<Fetched> {
  const { platform } = options;
  const turn = limit(PARALLEL);
  if (!isIndex(target)) return await pushImage(store, repository, await store.images.read(target), turn, options);
  const bytes = await store.blobs.read(target.digest);
  const { manifests } = parseIndex(bytes);
  const here = await Promise.all(manifests.map(async (manifest) => await store.blobs.has(manifest)));
  const present = manifests.filter((_, index) => here[index]);
  if (platform !== undefined || (present.length < 2 && present.length < manifests.length))
    return await pushImage(store, repository, await store.images.read(target, platform ?? hostPlatform()), turn, options);
  const pushed = await Promise.all(present.map(async (manifest) => await pushManifest(store, repository, manifest, turn, options)));
  const isWhole = present.length === manifests.length && pushed.every(({ descriptor }, index) => descriptor.digest === present[index]?.digest);
  if (isWhole) return told(options, target, { descriptor: target, bytes });
  const index = {
    ...(JSON.parse(Buffer.from(bytes).toString("utf8")) as object),
    manifests: present.map((manifest, at) => ({ ...manifest, ...pushed[at]?.descriptor })),
  };
  return told(options, target, documentOf(target.mediaType, index));
}

/** A manifest of an index: an image, or something that only looks like one. */
async function pushManifest(store: Source, repository: RemoteRepository, target: Descriptor, turn: Limit, options: PushOptions): Promise<Fetched> {
  if (isIndex(target)) return await send(repository, await push(store, repository, target, options));
  const manifest = parseManifest(await store.blobs.read(target.digest));
  return await send(repository, await pushImage(store, repository, { target, descriptor: target, manifest, config: undefined }, turn, options));
}

type Pushable = Pick<Image, "target" | "descriptor" | "manifest"> & { readonly config: Image["config"] | undefined };

async function pushImage(
  store: Source,
  repository: RemoteRepository,
  { descriptor, manifest, config }: Pushable,
  turn: Limit,
  options: PushOptions,
): Promise<Fetched> {
  const diffIDs = manifest.layers.some(isPlain) ? (config ?? (await store.images.read(descriptor)).config).rootfs.diff_ids : [];
  const chains = chainsOf(diffIDs);
  const sent = new Map<string, Promise<Descriptor>>();
  const alone = limit(1);
  const sendLayer = async (layer: Descriptor, index: number): Promise<Descriptor> => {
    const chain = chains[index];
    if (isForeign(layer)) return layer;
    return await turn(async () => {
      if (isPlain(layer) && chain !== undefined && (await store.snapshots.get(chain)) !== undefined)
        return await sendPacked(store, repository, { chain, layer }, alone);
      await sendBlob(store, repository, layer);
      return layer;
    });
  };
  const largestFirst = manifest.layers.map((layer, index) => ({ layer, index })).toSorted((a, b) => b.layer.size - a.layer.size);
  for (const { layer, index } of largestFirst) if (!sent.has(layer.digest)) sent.set(layer.digest, sendLayer(layer, index));
  const layers = manifest.layers.map(async ({ digest }) => await sent.get(digest)!);
  const [packed] = await Promise.all([Promise.all(layers), turn(async () => await sendBlob(store, repository, manifest.config))]);
  return told(options, descriptor, await describe(store, descriptor, manifest, packed));
}

function told({ onManifest }: PushOptions, from: Descriptor, to: Fetched): Fetched {
  onManifest?.(from, to.descriptor);
  return to;
}

/** The manifest with its layers as they were sent; the bytes that are stored when nothing changed. */
async function describe(store: Source, descriptor: Descriptor, manifest: Manifest, layers: readonly Descriptor[]): Promise<Fetched> {
  if (layers.every(({ digest }, index) => digest === manifest.layers[index]?.digest)) return { descriptor, bytes: await store.blobs.read(descriptor.digest) };
  return documentOf(descriptor.mediaType, { ...manifest, layers });
}

function documentOf(mediaType: string, document: unknown): Fetched {
  const bytes = Buffer.from(JSON.stringify(document));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

interface Packable {
  readonly chain: ChainID;
  readonly layer: Descriptor;
}

/**
 * What was never packed is sent while it is, where the repository takes that. Large ones are packed one after the other, each by all cores, and sent
 * side by side: the largest is whole early, and the registry never waits.
 */
async function sendPacked(store: Source, repository: RemoteRepository, { chain, layer }: Packable, alone: Limit): Promise<Descriptor> {
  if (repository.pushGrowing === undefined) return await sendKept(store, repository, await store.snapshots.blob(chain, "gzip"));
  const pushGrowing = repository.pushGrowing.bind(repository);
  const begin = async (): Promise<{ readonly sending: Promise<Descriptor> }> => {
    const packing = await store.snapshots.pack(chain);
    if (!("whole" in packing)) return { sending: sendKept(store, repository, packing) };
    const sending = sendGrowing(packing, async () => await pushGrowing({ mediaType: MEDIA_TYPE.layerGzip, digest: layer.digest, size: 0 }, packing));
    await Promise.race([packing.digest.catch(() => sending), sending]); // when packing fails, so does sending, which cleans up first
    return { sending };
  };
  const { sending } = layer.size > LARGE_BYTES ? await alone(begin) : await begin();
  return await sending;
}

async function sendGrowing(packing: GrowingBlob, run: () => Promise<Descriptor>): Promise<Descriptor> {
  await using growing = packing;
  const packed = await run();
  await growing.whole;
  return packed;
}

async function sendKept(store: Source, repository: RemoteRepository, kept: Descriptor): Promise<Descriptor> {
  const packed = ociTyped(kept);
  await sendBlob(store, repository, packed);
  return packed;
}

export async function sendBlob(store: Pick<Store, "blobs">, repository: RemoteRepository, descriptor: Descriptor): Promise<void> {
  if (await repository.has(descriptor)) return;
  const { digest, size } = descriptor;
  await repository.push(
    descriptor,
    fileContent(store.blobs.path(digest), size, (offset) => store.blobs.open(digest, { start: offset, end: size })),
  );
}

async function send(repository: RemoteRepository, fetched: Fetched): Promise<Fetched> {
  await repository.push(fetched.descriptor, once(fetched.bytes));
  return fetched;
}

/** A layer of a base may have come under docker's name; the manifest that it goes into is OCI's. */
function ociTyped({ digest, size }: Descriptor): Descriptor {
  return { mediaType: MEDIA_TYPE.layerGzip, digest, size };
}

function isPlain({ mediaType }: Descriptor): boolean {
  return mediaType === MEDIA_TYPE.layerTar;
}

/** Layers that are not for redistribution stay where their URLs are. */
function isForeign({ mediaType, urls }: Descriptor): boolean {
  return (urls !== undefined && urls.length > 0) || mediaType.includes("nondistributable") || mediaType.includes(".foreign.");
}
