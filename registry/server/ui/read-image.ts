/** Manifests and configs of a repository as pages show them. A client may have pushed anything: what is not as it should be is left out. */
import { isDigest, type Digest } from "../../../store/digest.ts";
import { CodedError } from "../../../store/errors.ts";
import { isIndex, isManifest, parseConfig } from "../../../store/image/documents.ts";
import { MEDIA_TYPE, type Descriptor, type ImageConfig } from "../../../store/oci.ts";
import { RegistryError } from "../../errors.ts";
import { isTag } from "../../name.ts";
import { visibleText } from "./format.ts";
import type { PageSource } from "./source.ts";

export interface ReadManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Of the manifest itself. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
  readonly artifactType: string | undefined;
  readonly subject: Digest | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  /** Of an index. */
  readonly manifests: readonly Descriptor[];
}

const MAX_CONFIG_BYTES = 4 << 20;
const IMAGE_CONFIGS: readonly string[] = [MEDIA_TYPE.config, MEDIA_TYPE.dockerConfig];
const IMAGE_LAYER = /^application\/vnd\.(?:oci\.image\.layer|docker\.image\.rootfs)\./;

/** @throws {RegistryError} `MANIFEST_UNKNOWN` */
export async function readManifest(source: PageSource, name: string, reference: string): Promise<ReadManifest> {
  const digest = isDigest(reference) ? reference : isTag(reference) ? await source.repositories.tag(name, reference) : undefined;
  const found = digest === undefined ? undefined : await findManifest(source, name, digest);
  if (found === undefined) throw new RegistryError("MANIFEST_UNKNOWN", `Cannot show ${reference} of ${name}: there is no such tag or digest`);
  return found;
}

/** Undefined: not in the repository, or its bytes are gone, of which `registry check` tells. */
export async function findManifest({ repositories, manifests }: PageSource, name: string, digest: Digest): Promise<ReadManifest | undefined> {
  const link = await repositories.manifest(name, digest);
  const bytes = link && (await manifests.read(digest).catch(unlessMissing));
  if (link === undefined || bytes === undefined) return undefined;
  const document = JSON.parse(Buffer.from(bytes).toString("utf8")) as Readonly<Record<string, unknown>>;
  const { mediaType, size, pushedAt, subject } = link;
  return {
    digest,
    mediaType,
    size,
    pushedAt,
    subject,
    artifactType: textOf(document["artifactType"]),
    annotations: textsOf(document["annotations"]),
    config: descriptorOf(document["config"]),
    layers: descriptorsOf(document["layers"]),
    manifests: descriptorsOf(document["manifests"]),
  };
}

function unlessMissing(error: unknown): undefined {
  if (!(error instanceof CodedError && error.code === "BLOB_UNKNOWN")) throw error;
}

/** Undefined: not here, not an image's, or not as an image's config is. */
export async function readConfig({ repositories, blobs }: PageSource, name: string, { config }: ReadManifest): Promise<ImageConfig | undefined> {
  if (config === undefined || !IMAGE_CONFIGS.includes(config.mediaType) || config.size > MAX_CONFIG_BYTES) return undefined;
  if ((await repositories.blob(name, config.digest)) === undefined) return undefined;
  try {
    return parseConfig(await blobs.read(config.digest, MAX_CONFIG_BYTES));
  } catch {
    return undefined;
  }
}

/** Folders of more layers than an image can have are not read. */
const MAX_LAYERS = 512;

/** Whether their files can be shown: a layer is shown only through a repository that holds it. */
export async function areHere({ repositories }: PageSource, name: string, layers: readonly Descriptor[]): Promise<boolean> {
  if (layers.length > MAX_LAYERS) return false;
  for (const { digest } of layers) if ((await repositories.blob(name, digest)) === undefined) return false;
  return true;
}

export function isImageIndex(manifest: ReadManifest): boolean {
  return isIndex(manifest);
}

/** What it takes to pull it, without its manifest. */
export function sizeOfImage({ config, layers }: ReadManifest): number {
  return layers.reduce((sum, { size }) => sum + size, config?.size ?? 0);
}

/** Images of an index; what builders put beside them (attestations) has no platform. */
export function imagesOf({ manifests }: Pick<ReadManifest, "manifests">): readonly Descriptor[] {
  return manifests.filter((one) => one.platform?.os !== "unknown" && one.annotations?.["vnd.docker.reference.type"] === undefined);
}

/** As an image, by an engine: no signature, attestation, cache or other artifact, nor a list of those. */
export function canBePulled({ mediaType, artifactType, config, layers, manifests }: ReadManifest): boolean {
  if (isIndex({ mediaType })) return imagesOf({ manifests }).some((one) => one.artifactType === undefined && (isManifest(one) || isIndex(one)));
  return artifactType === undefined && IMAGE_CONFIGS.includes(config?.mediaType ?? "") && layers.every((layer) => IMAGE_LAYER.test(layer.mediaType));
}

export function platformName({ platform }: Pick<Descriptor, "platform">): string {
  const parts = [platform?.os, platform?.architecture, platform?.variant].filter((part) => part !== undefined);
  return parts.length === 0 ? "any platform" : visibleText(parts.join("/"));
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(recordOf(value)).filter((pair): pair is [string, string] => typeof pair[1] === "string"));
}

function descriptorsOf(value: unknown): readonly Descriptor[] {
  return Array.isArray(value) ? value.flatMap((one: unknown) => descriptorOf(one) ?? []) : [];
}

function descriptorOf(value: unknown): Descriptor | undefined {
  const { mediaType, digest, size, platform, annotations, artifactType } = recordOf(value);
  if (typeof digest !== "string" || !isDigest(digest) || !Number.isSafeInteger(size)) return undefined;
  const { os, architecture, variant } = recordOf(platform);
  const type = textOf(artifactType);
  const kind = textOf(variant);
  return {
    mediaType: textOf(mediaType) ?? "",
    digest,
    size: size as number,
    annotations: textsOf(annotations),
    ...(type === undefined ? {} : { artifactType: type }),
    ...(platform === undefined
      ? {}
      : { platform: { os: textOf(os) ?? "?", architecture: textOf(architecture) ?? "?", ...(kind === undefined ? {} : { variant: kind }) } }),
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}
