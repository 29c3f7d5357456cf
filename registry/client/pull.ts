/** An image from a repository into the store: layers side by side, each unpacked while it comes, committed from the bottom up. */
import { isIndex, isManifest, parseIndex, parseManifest } from "../../store/image/documents.ts";
import { choosePlatform, formatPlatform, hostPlatform, listPlatforms } from "../../store/image/platform.ts";
import { MEDIA_TYPE, type Descriptor, type Manifest, type Platform } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import { blaming } from "./blame.ts";
import { checkClaims, checkRoom } from "./claims.ts";
import { pullLayers } from "./pull-layers.ts";
import type { PullOptions, PullSource, PullStore } from "./pull-options.ts";
import type { Fetched } from "./remote-repository.ts";
import { once } from "../../store/known-bytes.ts";

const MAX_NESTING = 4;
const MAX_IMAGES = 100;

/** Everything of it is in the store when it resolves; naming it is the caller's. @throws {RegistryError} `MANIFEST_UNKNOWN` */
export async function pull(source: PullSource, store: PullStore, top: Fetched, options: PullOptions = {}): Promise<void> {
  const { platform = hostPlatform() } = options;
  const documents = platform === "all" ? await readAll(source, top) : await chooseImage(source, top, platform);
  const images = documents.filter(({ descriptor }) => isManifest(descriptor));
  if (images.length === 0) throw new RegistryError("PROTOCOL", `Cannot pull ${top.descriptor.digest} from ${source.place}: it is no image`);
  const parsed: { readonly descriptor: Descriptor; readonly manifest: Manifest }[] = [];
  for (const { descriptor, bytes } of images) {
    const manifest = await blaming(source.place, descriptor, () => parseManifest(bytes));
    checkClaims(descriptor, manifest, source.place);
    parsed.push({ descriptor, manifest });
  }
  const manifests = parsed.map(({ manifest }) => manifest);
  await checkRoom(store, manifests, source.place);
  const parts = [...documents.map(({ descriptor }) => descriptor), ...manifests.flatMap(({ config, layers }) => [config, ...layers])];
  await options.arrival?.expect({ digests: parts.map(({ digest }) => digest) });
  for (const { descriptor, manifest } of parsed) {
    const isUsed = options.unpack !== false && (platform !== "all" || (isImage(manifest) && isForHere(descriptor)));
    if (isUsed && !isImage(manifest))
      throw new RegistryError("PROTOCOL", `Cannot pull ${descriptor.digest} from ${source.place}: it is no image, its config is of type ${kindOf(manifest)}`);
    await pullLayers(source, store, manifest, { ...options, unpack: isUsed });
  }
  for (const { descriptor, bytes } of documents.toReversed()) await store.blobs.push(descriptor, once(bytes));
  await options.arrival?.confirm();
}

/** From the top to the image's manifest. */
async function chooseImage(source: PullSource, top: Fetched, platform: Platform): Promise<readonly Fetched[]> {
  const path = [top];
  for (let at = top; isIndex(at.descriptor);) {
    const { bytes, descriptor } = at;
    const { manifests } = await blaming(source.place, descriptor, () => parseIndex(bytes));
    const chosen = choosePlatform(manifests, platform);
    if (chosen === undefined) {
      throw new RegistryError(
        "MANIFEST_UNKNOWN",
        `Cannot pull ${top.descriptor.digest}: it has no image for ${formatPlatform(platform)}, only for ${listPlatforms(manifests)}`,
      );
    }
    if (path.length > MAX_NESTING) throw tooDeep(source, top);
    at = await readChild(source, chosen);
    path.push(at);
  }
  return path;
}

/** Parents before children. */
async function readAll(source: PullSource, top: Fetched): Promise<readonly Fetched[]> {
  const found = new Map<string, Fetched>([[top.descriptor.digest, top]]);
  let level: readonly Fetched[] = [top];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_NESTING) throw tooDeep(source, top);
    const children: Descriptor[] = [];
    for (const { descriptor, bytes } of level)
      if (isIndex(descriptor)) children.push(...(await blaming(source.place, descriptor, () => parseIndex(bytes))).manifests);
    const fresh = children.filter(({ digest }) => !found.has(digest));
    if (found.size + fresh.length > MAX_IMAGES)
      throw new RegistryError("PROTOCOL", `Cannot pull ${top.descriptor.digest} from ${source.place}: more than ${MAX_IMAGES} manifests are in it`);
    const next: Fetched[] = [];
    for (const child of fresh) next.push(await readChild(source, child));
    for (const fetched of next) found.set(fetched.descriptor.digest, fetched);
    level = next;
  }
  return [...found.values()];
}

/** The index says more of it than the registry does: its platform. */
async function readChild(source: PullSource, child: Descriptor): Promise<Fetched> {
  const { descriptor, bytes } = await source.read(child.digest);
  if (bytes.length !== child.size)
    throw new RegistryError(
      "SIZE_INVALID",
      `Cannot pull ${child.digest} from ${source.place}: it has ${bytes.length} bytes where its index says ${child.size}`,
    );
  return { descriptor: child.platform === undefined ? descriptor : { ...descriptor, platform: child.platform }, bytes };
}

function isForHere({ platform }: Descriptor): boolean {
  return platform === undefined || formatPlatform(platform) === formatPlatform(hostPlatform());
}

/** Attestations and other artifacts only look like one. */
function isImage({ artifactType, config: { mediaType } }: Manifest): boolean {
  return artifactType === undefined && (mediaType === MEDIA_TYPE.config || mediaType === MEDIA_TYPE.dockerConfig);
}

function kindOf({ artifactType, config }: Manifest): string {
  return JSON.stringify(artifactType ?? config.mediaType);
}

function tooDeep({ place }: PullSource, { descriptor }: Fetched): RegistryError {
  return new RegistryError("PROTOCOL", `Cannot pull ${descriptor.digest} from ${place}: its indexes stand more than ${MAX_NESTING} deep`);
}
