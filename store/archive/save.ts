/**
 * Images as one tar that is both an OCI archive (oci-layout, index.json) and a docker archive (manifest.json), as docker 25 and later writes it.
 * Same images, same bytes. Spec: image-spec v1.1, image-layout.md; docker image spec v1.2, "Combined Image JSON".
 */
import { algorithmOf, encodedOf, type Digest } from "../digest.ts";
import { isIndex, isManifest, parseIndex, parseManifest } from "../image/documents.ts";
import { choosePlatform, hostPlatform } from "../image/platform.ts";
import { MEDIA_TYPE, type Descriptor } from "../oci.ts";
import { familiarName } from "../reference.ts";
import type { Blobs } from "../content.ts";
import { encodeHeader, paddingOf } from "../tar/header.ts";

export interface SavedImage {
  /** Canonical, or undefined for an image without a name. */
  readonly name: string | undefined;
  readonly target: Descriptor;
  /** What the index of an OCI layout calls it, when that is not the tag. */
  readonly reference?: string | undefined;
}

/** What is said of an image, by the digest of its manifest. */
export type ReferrersOf = (subject: Digest) => readonly Descriptor[];

/** `referrersOf`: what goes along, as further manifests of the index. */
export async function* saveImages(blobs: Blobs, images: readonly SavedImage[], referrersOf: ReferrersOf = () => []): AsyncIterable<Uint8Array> {
  const content = new Map<Digest, Descriptor>();
  for (const { target } of images) await gather(blobs, target, content);
  const referrers = await gatherReferrers(blobs, content, referrersOf);
  yield folder("blobs");
  for (const algorithm of new Set([...content.keys()].map(algorithmOf))) yield folder(`blobs/${algorithm}`);
  for (const descriptor of [...content.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1)))
    yield* member(blobPath(descriptor.digest), descriptor.size, blobs.open(descriptor.digest));
  yield* document("index.json", indexOf(images, referrers));
  yield* document("manifest.json", await dockerManifest(blobs, images));
  yield* document("oci-layout", { imageLayoutVersion: "1.0.0" });
  yield Buffer.alloc(1024);
}

/** Everything below a target that is here. */
async function gather(blobs: Blobs, target: Descriptor, into: Map<Digest, Descriptor>): Promise<void> {
  if (into.has(target.digest)) return;
  into.set(target.digest, target);
  if (isIndex(target)) {
    for (const manifest of parseIndex(await blobs.read(target.digest)).manifests) if (await blobs.has(manifest)) await gather(blobs, manifest, into);
    return;
  }
  const { config, layers } = parseManifest(await blobs.read(target.digest));
  for (const part of [config, ...layers]) if (part.urls === undefined || part.urls.length === 0) into.set(part.digest, part);
}

/** Of all that was gathered, and of what that brings. */
async function gatherReferrers(blobs: Blobs, content: Map<Digest, Descriptor>, referrersOf: ReferrersOf): Promise<readonly Descriptor[]> {
  const found = new Map<Digest, Descriptor>();
  const left = [...content.keys()];
  for (let subject = left.pop(); subject !== undefined; subject = left.pop()) {
    for (const referrer of referrersOf(subject)) {
      if (found.has(referrer.digest) || !(await blobs.has(referrer))) continue;
      found.set(referrer.digest, referrer);
      left.push(referrer.digest);
      await gather(blobs, referrer, content);
    }
  }
  return [...found.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

function indexOf(images: readonly SavedImage[], referrers: readonly Descriptor[]): object {
  const manifests = images.map(({ target, ...named }) => {
    const annotations = { ...target.annotations, ...namesOf(named) };
    return Object.keys(annotations).length === 0 ? target : { ...target, annotations };
  });
  return { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [...manifests, ...referrers] };
}

function namesOf({ name, reference }: Omit<SavedImage, "target">): Readonly<Record<string, string>> {
  const called = reference ?? (name === undefined ? undefined : tagOf(name));
  return {
    ...(name === undefined ? {} : { "io.containerd.image.name": name }),
    ...(called === undefined ? {} : { "org.opencontainers.image.ref.name": called }),
  };
}

interface DockerImage {
  readonly Config: string;
  RepoTags: string[] | null;
  readonly Layers: readonly string[];
}

async function dockerManifest(blobs: Blobs, images: readonly SavedImage[]): Promise<readonly DockerImage[]> {
  const found = new Map<Digest, DockerImage>();
  for (const { name, target } of images) {
    const descriptor = isIndex(target) ? await imageOfIndex(blobs, target) : target;
    if (descriptor === undefined) continue;
    const { config, layers } = parseManifest(await blobs.read(descriptor.digest));
    const image = found.get(descriptor.digest) ?? { Config: blobPath(config.digest), RepoTags: null, Layers: layers.map(({ digest }) => blobPath(digest)) };
    if (name !== undefined) image.RepoTags = [...(image.RepoTags ?? []), familiarName(name)];
    found.set(descriptor.digest, image);
  }
  return [...found.values()];
}

/** docker's own manifest knows one image a name: this machine's, else the first that is here. */
async function imageOfIndex(blobs: Blobs, target: Descriptor): Promise<Descriptor | undefined> {
  const { manifests } = parseIndex(await blobs.read(target.digest));
  const here: Descriptor[] = [];
  for (const manifest of manifests) if (isManifest(manifest) && manifest.platform?.os !== "unknown" && (await blobs.has(manifest))) here.push(manifest);
  return choosePlatform(here, hostPlatform()) ?? here[0];
}

function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

function tagOf(name: string): string {
  return name.slice(name.lastIndexOf(":") + 1);
}

const PLAIN = { uid: 0, gid: 0, mtime: 0 };

function folder(name: string): Uint8Array {
  return encodeHeader({ ...PLAIN, name, type: "directory", mode: 0o755, size: 0 });
}

async function* member(name: string, size: number, content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield encodeHeader({ ...PLAIN, name, type: "file", mode: 0o644, size });
  yield* content;
  yield Buffer.alloc(paddingOf(size));
}

async function* document(name: string, value: object): AsyncIterable<Uint8Array> {
  const bytes = Buffer.from(JSON.stringify(value));
  yield* member(
    name,
    bytes.length,
    (async function* () {
      yield bytes;
    })(),
  );
}
