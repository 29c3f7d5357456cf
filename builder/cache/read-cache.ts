/** A build cache from its place: a manifest of its own, one wrapped in an index, or an image that carries its cache inline. */
import { MAX_DOCUMENT_BYTES } from "../../store/blob/blobs.ts";
import { isIndex, isManifest, parseIndex, parseManifest } from "../../store/image/documents.ts";
import { choosePlatform } from "../../store/image/platform.ts";
import type { Descriptor, Platform } from "../../store/oci.ts";
import type { ContentSource } from "../../store/content.ts";
import { BuilderError } from "../errors.ts";
import { CACHE_CONFIG_TYPE, decodeCache, INLINE_FIELD, type CacheContent } from "./format.ts";
import type { CacheStorage } from "./storage.ts";

/** Keys and chains only; no layer is fetched. @throws {BuilderError} `CACHE_INVALID` */
export async function readCache(storage: CacheStorage, platform: Platform): Promise<CacheContent> {
  let { descriptor, bytes } = await storage.top();
  if (isIndex(descriptor)) {
    const { manifests } = parseIndex(bytes);
    const chosen = manifests.find(({ artifactType }) => artifactType === CACHE_CONFIG_TYPE) ?? choosePlatform(manifests, platform) ?? manifests[0];
    if (chosen === undefined || !isManifest(chosen))
      throw new BuilderError("CACHE_INVALID", `Cannot read build cache ${descriptor.digest}: its index is empty`);
    descriptor = chosen;
    bytes = await readAll(storage, chosen);
  }
  if (!isManifest(descriptor)) throw new BuilderError("CACHE_INVALID", `Cannot read build cache ${descriptor.digest}: ${descriptor.mediaType} is no manifest`);
  const { config, layers } = parseManifest(bytes);
  const document = parse(await readAll(storage, config), config);
  const cache = config.mediaType === CACHE_CONFIG_TYPE ? document : document[INLINE_FIELD];
  if (cache === undefined) throw new BuilderError("CACHE_INVALID", `Cannot use image ${descriptor.digest} as a cache: it carries none`);
  return decodeCache(cache, layers);
}

function parse(bytes: Uint8Array, { digest }: Descriptor): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // said below
  }
  throw new BuilderError("CACHE_INVALID", `Cannot read build cache: its config ${digest} is no JSON object`);
}

async function readAll(source: ContentSource, descriptor: Descriptor): Promise<Uint8Array> {
  const { digestOf, algorithmOf } = await import("../../store/digest.ts");
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source.fetch(descriptor)) {
    size += chunk.length;
    if (size > MAX_DOCUMENT_BYTES) throw new BuilderError("CACHE_INVALID", `Cannot read ${descriptor.digest}: it is longer than ${MAX_DOCUMENT_BYTES} bytes`);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (digestOf(bytes, algorithmOf(descriptor.digest)) !== descriptor.digest)
    throw new BuilderError("CACHE_INVALID", `Cannot read ${descriptor.digest}: its content has another digest`);
  return bytes;
}
