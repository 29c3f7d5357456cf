/** A pushed manifest, checked and read for what the registry needs of it. Spec: image-spec v1.1, manifest.md, image-index.md. */
import { isDigest, type Digest } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import { nestsDeeper } from "./json-depth.ts";

export interface PushedManifest {
  readonly mediaType: string;
  /** Blobs that must be in the repository. */
  readonly blobs: readonly BlobNeed[];
  /** Of an index; they may be missing. */
  readonly manifests: readonly Digest[];
  readonly subject: Digest | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

export interface BlobNeed {
  readonly digest: Digest;
  readonly size: number;
  /** The content, where the descriptor carries it. */
  readonly data: Uint8Array | undefined;
}

type Json = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 256;
const MAX_SHOWN_CHARS = 100;
/** Spec: RFC 6838, section 4.2. */
const MEDIA_TYPE_NAME = /^[A-Za-z0-9][\w.+!#$&^-]{0,126}\/[A-Za-z0-9][\w.+!#$&^-]{0,126}$/;
const INDEX_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPE.index, MEDIA_TYPE.dockerIndex]);

/** @throws {RegistryError} `MANIFEST_INVALID` */
export function readManifest(bytes: Uint8Array, contentType: string | undefined): PushedManifest {
  const document = parse(bytes);
  const mediaType = mediaTypeOf(document, contentType?.split(";")[0]?.trim());
  const subject = document["subject"] === undefined ? undefined : descriptor(document["subject"], "subject");
  const config = document["config"] === undefined ? undefined : descriptor(document["config"], "config");
  const layers = list(document, "layers").filter((layer) => !isForeign(layer));
  const blobs = list(document, "blobs");
  const manifests = INDEX_TYPES.has(mediaType) ? list(document, "manifests") : [];
  const configType = (document["config"] as Json | undefined)?.["mediaType"];
  return {
    mediaType,
    blobs: [...(config === undefined ? [] : [config]), ...layers, ...blobs].map(need),
    manifests: manifests.map(({ digest }) => digest),
    subject: subject?.digest,
    artifactType: text(document["artifactType"]) ?? text(configType),
    annotations: record(document["annotations"]),
  };
}

function parse(bytes: Uint8Array): Json {
  if (nestsDeeper(bytes, MAX_DEPTH)) throw invalid(`it nests deeper than ${MAX_DEPTH} levels`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    throw new RegistryError("MANIFEST_INVALID", "Cannot store the manifest: it is not JSON", { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("it is not a JSON object");
  if ((value as Json)["schemaVersion"] !== 2) throw invalid("schemaVersion is not 2");
  return value as Json;
}

function mediaTypeOf(document: Json, contentType: string | undefined): string {
  const declared = document["mediaType"];
  if (declared !== undefined && typeof declared !== "string") throw invalid("mediaType is not a string");
  if (declared !== undefined && contentType !== undefined && contentType !== "" && contentType !== declared) {
    throw invalid(`Content-Type is ${contentType} where its mediaType is ${declared}`);
  }
  const found = declared ?? (contentType === "" ? undefined : contentType) ?? (Array.isArray(document["manifests"]) ? MEDIA_TYPE.index : MEDIA_TYPE.manifest);
  if (!MEDIA_TYPE_NAME.test(found)) throw invalid(`${JSON.stringify(found.slice(0, MAX_SHOWN_CHARS))} is no media type`); // it becomes a header of replies
  const both = Array.isArray(document["manifests"]) && (document["config"] !== undefined || Array.isArray(document["layers"]));
  if (both) throw invalid("it is an index and an image manifest at once");
  if ((found === MEDIA_TYPE.manifest || found === MEDIA_TYPE.dockerManifest) && document["config"] === undefined) throw invalid("it has no config");
  return found;
}

interface ReadDescriptor {
  readonly mediaType: string | undefined;
  readonly digest: Digest;
  readonly size: number;
  readonly urls: boolean;
  readonly data: string | undefined;
}

function list(document: Json, field: string): readonly ReadDescriptor[] {
  const value = document[field] ?? [];
  if (!Array.isArray(value)) throw invalid(`${field} is not a list`);
  return value.map((item, index) => descriptor(item, `${field}[${index}]`));
}

function descriptor(value: unknown, where: string): ReadDescriptor {
  const { mediaType, digest, size, urls, data } = (typeof value === "object" && value !== null ? value : {}) as Json;
  if (typeof digest !== "string" || !isDigest(digest)) throw invalid(`${where} has no valid digest`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) throw invalid(`${where} has no valid size`);
  return { mediaType: text(mediaType), digest, size, urls: Array.isArray(urls) && urls.length > 0, data: text(data) };
}

/** Layers that are not for redistribution are never pushed. */
function isForeign({ mediaType = "", urls }: ReadDescriptor): boolean {
  return urls || mediaType.includes("nondistributable") || mediaType.includes(".foreign.");
}

function need({ digest, size, data }: ReadDescriptor): BlobNeed {
  return { digest, size, data: data === undefined ? undefined : Buffer.from(data, "base64") };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Strings only, as the specification has it: what else is there stays in the manifest's bytes. */
function record(value: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function invalid(state: string): RegistryError {
  return new RegistryError("MANIFEST_INVALID", `Cannot store the manifest: ${state}`);
}
