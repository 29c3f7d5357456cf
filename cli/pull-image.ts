/** An image from its registry into the store, named and unpacked. Every verb that needs an image it may not have uses this. */
import type { Digest } from "../store/digest.ts";
import { StoreError } from "../store/errors.ts";
import { isIndex, parseIndex } from "../store/image/documents.ts";
import type { Descriptor, Platform } from "../store/oci.ts";
import type { PullSource } from "../registry/client/pull-options.ts";
import type { Fetched, OnTransfer } from "../registry/client/remote-repository.ts";
import { familiarName, type Reference } from "../store/reference.ts";
import type { Image, Store } from "../store/store.ts";
import type { Context } from "./context.ts";
import { isFor, sayOther } from "./images/for-platform.ts";
import { asked } from "./registry/asked.ts";
import { openSourceReference, type SourceFlags } from "./registry/open-source.ts";
import { gatherBlobs, pullWords, showTransfers } from "./registry/transfer-progress.ts";

export interface PullImageOptions extends SourceFlags {
  readonly platform?: Platform | undefined;
  /** An image of another platform alone is refused. @default taken all the same */
  readonly mustMatch?: boolean;
  /** Every platform of it. */
  readonly allPlatforms?: boolean;
  /** Ask the registry also when an image of that name is here. @default false */
  readonly refresh?: boolean;
  /** Where what is done is said; nowhere without it. */
  readonly progress?: NodeJS.WriteStream | undefined;
  /** Told of every blob on its way. */
  readonly onTransfer?: OnTransfer;
}

/** @throws {RegistryError} `MANIFEST_UNKNOWN`, `UNREACHABLE`, `UNAUTHORIZED`… */
export async function pullImage(context: Context, text: string, options: PullImageOptions = {}): Promise<Image> {
  return await asked("pull", text, async () => await pullFrom(context, text, options));
}

async function pullFrom(context: Context, text: string, options: PullImageOptions): Promise<Image> {
  const { platform, mustMatch = false, allPlatforms = false, refresh = false, progress } = options;
  const only = mustMatch ? platform : undefined;
  const store = await context.store();
  const here = await openHere(store, text, platform);
  if (here !== undefined && !refresh && (only === undefined || isFor(here, only))) return here;
  let isCurrent = false; // docker says nothing of layers then
  using shown = showTransfers(progress, pullWords);
  const places = gatherBlobs(options.onTransfer ?? ((...told) => void (isCurrent || shown.onTransfer(...told))));
  await using opened = await openSourceReference(context, text, options, places.onTransfer);
  const { repository, reference, target } = opened;
  const say = (line: string): void => void progress?.write(`${line}\n`);
  const top = await repository.read(target);
  if (only !== undefined && !isIndex(top.descriptor)) await checkPlatform(repository, text, top, only);
  say(`${target}: Pulling from ${reference.path}`);
  isCurrent = here?.target.digest === top.descriptor.digest;
  const [{ pull }, { openArrival }] = await Promise.all([import("../registry/client/pull.ts"), import("../store/care/arrival.ts")]);
  await using arrival = openArrival(store);
  await pull(repository, store, top, { platform: allPlatforms ? "all" : platform, onTransfer: places.onTransfer, arrival });
  await store.images.tag(reference.name, top.descriptor);
  const image = await openAny(store, reference.name, platform, allPlatforms);
  await remember(store, reference, places.blobs, image.id, top.descriptor);
  shown[Symbol.dispose]();
  say(`Digest: ${top.descriptor.digest}`);
  say(`Status: ${here?.id === image.id ? "Image is up to date" : "Downloaded newer image"} for ${familiarName(reference.name)}`);
  return image;
}

/** Before a layer of it comes. @throws {StoreError} `PLATFORM_UNKNOWN` */
async function checkPlatform(repository: PullSource, text: string, { descriptor, bytes }: Fetched, asked: Platform): Promise<void> {
  const [{ otherPlatform }, { blaming }] = await Promise.all([import("./images/other-platform.ts"), import("../registry/client/blame.ts")]);
  const other = await blaming(repository.place, descriptor, async () => await otherPlatform(repository, bytes, asked));
  if (other !== undefined) throw new StoreError("PLATFORM_UNKNOWN", sayOther(text, asked, other));
}

async function remember(store: Store, { domain, path }: Reference, blobs: readonly Descriptor[], id: Digest, { digest }: Descriptor): Promise<void> {
  const [{ rememberDigest }, { rememberPlaces }] = await Promise.all([import("./registry/pushed.ts"), import("./registry/blob-places.ts")]);
  await rememberDigest(store, id, `${domain}/${path}@${digest}`);
  await rememberPlaces(store, blobs, `${domain}/${path}`);
}

/** Of all platforms this machine's, or else any. */
async function openAny(store: Store, name: string, platform: Platform | undefined, allPlatforms: boolean): Promise<Image> {
  if (!allPlatforms || platform !== undefined) return await store.images.open(name, platform);
  const target = (await store.images.find(name))?.target;
  const platforms = target === undefined || !isIndex(target) ? [] : parseIndex(await store.blobs.read(target.digest)).manifests.map((child) => child.platform);
  for (const one of [undefined, ...platforms.filter((other) => other !== undefined && other.os !== "unknown")]) {
    const image = await store.images.open(name, one).catch(() => undefined);
    if (image !== undefined) return image;
  }
  return await store.images.open(name);
}

async function openHere(store: Store, text: string, platform: Platform | undefined): Promise<Image | undefined> {
  if ((await store.images.find(text)) === undefined) return undefined;
  return await store.images.open(text, platform).catch(() => undefined); // of another platform, or not whole: pulled then
}
