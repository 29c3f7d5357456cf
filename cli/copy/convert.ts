/** An image in the other of the two formats: its documents are written again, its layers and configs stay as they are. Spec: image-spec v1.1, media-types.md, "Compatibility Matrix". */
import { digestOf, type Digest } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import { readDocument } from "../../store/image/copy.ts";
import { isIndex, isManifest, parseIndex, parseManifest } from "../../store/image/documents.ts";
import { layerMediaType } from "../../store/layer/media-type.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import type { ContentSource } from "../../store/content.ts";
import { once } from "../../store/known-bytes.ts";

export type Format = "oci" | "v2s2";

interface Converted {
  readonly content: ContentSource;
  readonly top: Descriptor;
  readonly isHere: (descriptor: Descriptor) => Promise<boolean>;
}

type IsHere = ((descriptor: Descriptor) => Promise<boolean>) | undefined;

/** OCI on the left, Docker schema 2 on the right. */
const PAIRS: readonly (readonly [oci: string, docker: string])[] = [
  [MEDIA_TYPE.index, MEDIA_TYPE.dockerIndex],
  [MEDIA_TYPE.manifest, MEDIA_TYPE.dockerManifest],
  [MEDIA_TYPE.config, MEDIA_TYPE.dockerConfig],
  ...(["none", "gzip", "zstd"] as const).map((packing) => [layerMediaType(packing), layerMediaType(packing, true)] as const),
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"],
];
const MAX_NESTING = 8;

/** What is in this format already keeps its digest. @throws {StoreError} `MANIFEST_INVALID` for what the format has no words for */
export async function convertImage(content: ContentSource, top: Descriptor, format: Format, isHere: IsHere): Promise<Converted> {
  const made = new Map<Digest, Uint8Array>();
  const convert = async (descriptor: Descriptor, depth = 0): Promise<Descriptor> => {
    if (depth > MAX_NESTING) throw new StoreError("MANIFEST_INVALID", `Cannot convert ${descriptor.digest}: it stands more than ${MAX_NESTING} indexes deep`);
    const bytes = await readDocument(content, descriptor);
    const document = isIndex(descriptor) ? await convertIndex(bytes, depth) : convertManifest(bytes, descriptor, format);
    if (document === undefined) return descriptor;
    const written = Buffer.from(JSON.stringify(document));
    const digest = digestOf(written);
    made.set(digest, written);
    return { ...descriptor, mediaType: document.mediaType, digest, size: written.length };
  };
  /** Attestations name the digests that their images had: they stay behind. */
  const convertIndex = async (bytes: Uint8Array, depth: number): Promise<Document | undefined> => {
    const before = parseIndex(bytes);
    const manifests: Descriptor[] = [];
    for (const child of before.manifests) manifests.push((await isThere(child)) ? await convert(child, depth + 1) : child);
    const mediaType = inFormat(MEDIA_TYPE.index, format);
    const isSame = before.mediaType === mediaType && manifests.every((child, at) => child.digest === before.manifests[at]?.digest);
    if (isSame) return undefined;
    return { ...kept(before, format), schemaVersion: 2, mediaType, manifests: manifests.filter((child) => !isAttestation(child)) };
  };
  const isThere = async (child: Descriptor): Promise<boolean> =>
    (isIndex(child) || isManifest(child)) && !isAttestation(child) && (isHere === undefined || (await isHere(child)));
  return {
    top: await convert(top),
    content: { fetch: (wanted) => give(made.get(wanted.digest)) ?? content.fetch(wanted) },
    isHere: async (part) => made.has(part.digest) || isHere === undefined || (await isHere(part)),
  };
}

interface Document {
  readonly mediaType: string;
  readonly [field: string]: unknown;
}

function convertManifest(bytes: Uint8Array, { digest }: Descriptor, format: Format): Document | undefined {
  const before = parseManifest(bytes);
  const mediaType = inFormat(MEDIA_TYPE.manifest, format);
  const part = (descriptor: Descriptor): Descriptor => {
    const type = inFormat(descriptor.mediaType, format);
    if (type !== undefined) return { ...descriptor, mediaType: type };
    throw new StoreError("MANIFEST_INVALID", `Cannot convert ${digest}: ${format} has no word for its ${descriptor.mediaType}`);
  };
  const [config, layers] = [part(before.config), before.layers.map(part)];
  const isSame =
    before.mediaType === mediaType && [config, ...layers].every((after, at) => after.mediaType === [before.config, ...before.layers][at]?.mediaType);
  return isSame ? undefined : { ...kept(before, format), schemaVersion: 2, mediaType, config, layers };
}

/** Docker's has no other fields. */
function kept(document: object, format: Format): object {
  return format === "oci" ? document : {};
}

function inFormat(mediaType: typeof MEDIA_TYPE.index | typeof MEDIA_TYPE.manifest, format: Format): string;
function inFormat(mediaType: string, format: Format): string | undefined;
function inFormat(mediaType: string, format: Format): string | undefined {
  return PAIRS.find((pair) => pair.includes(mediaType))?.[format === "oci" ? 0 : 1];
}

function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.["vnd.docker.reference.type"] === "attestation-manifest";
}

function give(bytes: Uint8Array | undefined): AsyncIterable<Uint8Array> | undefined {
  return bytes === undefined ? undefined : once(bytes);
}
