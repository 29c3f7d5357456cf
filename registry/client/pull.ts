/** An image from a repository into the store: blobs side by side, each layer unpacked as soon as it and the ones below are there. */
import { isIndex, isManifest, parseConfig, parseIndex, parseManifest } from "../../store/image/documents.ts";
import { choosePlatform, formatPlatform, hostPlatform } from "../../store/image/platform.ts";
import { chainsOf } from "../../store/layer/chain.ts";
import type { Descriptor, Manifest, Platform } from "../../store/oci.ts";
import type { ContentSource, Store } from "../../store/store.ts";
import { RegistryError } from "../errors.ts";
import { limit } from "./limit.ts";
import type { Fetched, OnTransfer, RemoteRepository } from "./repository.ts";

export interface PullOptions {
  /** @default this machine's */
  readonly platform?: Platform | undefined;
  /** False leaves the layers packed. @default true */
  readonly unpack?: boolean;
  readonly onTransfer?: OnTransfer;
}

/** Blobs on the way at once: as many as docker takes. */
const PARALLEL = 3;
const MAX_NESTING = 4;

/** Everything of it is in the store when it resolves; naming it is the caller's. @throws {RegistryError} `MANIFEST_UNKNOWN` */
export async function pull(repository: RemoteRepository, store: Pick<Store, "blobs" | "snapshots">, top: Fetched, options: PullOptions = {}): Promise<void> {
  const documents = await chooseImage(repository, top, options.platform ?? hostPlatform());
  const image = documents.at(-1);
  if (image === undefined || !isManifest(image.descriptor))
    throw new RegistryError("PROTOCOL", `Cannot pull ${top.descriptor.digest}: ${top.descriptor.mediaType} is no image`);
  await pullContent(repository, store, parseManifest(image.bytes), options);
  for (const { descriptor, bytes } of documents.toReversed()) await store.blobs.push(descriptor, once(bytes));
}

/** From the top to the image's manifest. */
async function chooseImage(repository: RemoteRepository, top: Fetched, platform: Platform): Promise<readonly Fetched[]> {
  const path = [top];
  for (let at = top; isIndex(at.descriptor);) {
    const { manifests } = parseIndex(at.bytes);
    const chosen = choosePlatform(manifests, platform);
    if (chosen === undefined || path.length > MAX_NESTING) {
      const there = manifests.flatMap(({ platform: its }) => (its === undefined || its.os === "unknown" ? [] : [formatPlatform(its)]));
      throw new RegistryError(
        "MANIFEST_UNKNOWN",
        `Cannot pull ${top.descriptor.digest}: it has no image for ${formatPlatform(platform)}, only for ${there.join(", ") || "no named platform"}`,
      );
    }
    at = await repository.read(chosen.digest);
    path.push(at);
  }
  return path;
}

async function pullContent(
  source: ContentSource,
  store: Pick<Store, "blobs" | "snapshots">,
  manifest: Manifest,
  { unpack = true, onTransfer = () => {} }: PullOptions,
): Promise<void> {
  const turn = limit(PARALLEL);
  const fetchBlob = async (descriptor: Descriptor): Promise<void> => {
    onTransfer(descriptor, "waiting", 0);
    await turn(async () => {
      if (await store.blobs.has(descriptor)) return onTransfer(descriptor, "exists", 0);
      await store.blobs.push(descriptor, source.fetch(descriptor));
      onTransfer(descriptor, "done", 0);
    });
  };
  const config = fetchBlob(manifest.config);
  const layers = unique(manifest.layers).map((layer) => [layer.digest, fetchBlob(layer)] as const);
  const stored = new Map(layers);
  for (const work of [config, ...stored.values()]) work.catch(() => {}); // each is awaited below, perhaps after another failed
  await config;
  const { rootfs } = parseConfig(await store.blobs.read(manifest.config.digest));
  const chains = chainsOf(rootfs.diff_ids);
  for (const [index, layer] of manifest.layers.entries()) {
    await stored.get(layer.digest);
    const [chain, diffID] = [chains[index], rootfs.diff_ids[index]];
    if (!unpack || chain === undefined || diffID === undefined || (await store.snapshots.use(chain)) !== undefined) continue;
    await store.snapshots.apply(chains[index - 1], layer, diffID);
  }
}

function unique(layers: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(layers.map((layer) => [layer.digest, layer])).values()];
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
