/** Manifests, indexes and configs read and checked at the edge: after this their fields can be trusted to be there. */
import { isDigest, parseDigest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { MEDIA_TYPE, type Descriptor, type ImageConfig, type ImageIndex, type Manifest } from "../oci.ts";

const INDEX_TYPES: readonly string[] = [MEDIA_TYPE.index, MEDIA_TYPE.dockerIndex];
const MANIFEST_TYPES: readonly string[] = [MEDIA_TYPE.manifest, MEDIA_TYPE.dockerManifest];

export function isIndex(descriptor: Pick<Descriptor, "mediaType">): boolean {
  return INDEX_TYPES.includes(descriptor.mediaType);
}

export function isManifest(descriptor: Pick<Descriptor, "mediaType">): boolean {
  return MANIFEST_TYPES.includes(descriptor.mediaType);
}

/** @throws {StoreError} `MANIFEST_INVALID` */
export function parseManifest(bytes: Uint8Array): Manifest {
  const read = parseObject(bytes, "MANIFEST_INVALID", "manifest");
  const document: Readonly<Record<string, unknown>> = read["layers"] === null ? { ...read, layers: [] } : read; // as Go writes an empty list
  if (document["schemaVersion"] !== 2 || !Array.isArray(document["layers"]) || !isDescriptor(document["config"]) || !document["layers"].every(isDescriptor)) {
    throw new StoreError("MANIFEST_INVALID", "Cannot read manifest: it is not schema version 2 with a config and layers");
  }
  return document as unknown as Manifest;
}

/** @throws {StoreError} `MANIFEST_INVALID` */
export function parseIndex(bytes: Uint8Array): ImageIndex {
  const document = parseObject(bytes, "MANIFEST_INVALID", "image index");
  if (document["schemaVersion"] !== 2 || !Array.isArray(document["manifests"]) || !document["manifests"].every(isDescriptor)) {
    throw new StoreError("MANIFEST_INVALID", "Cannot read image index: it is not schema version 2 with manifests");
  }
  return document as unknown as ImageIndex;
}

/** @throws {StoreError} `CONFIG_INVALID` */
export function parseConfig(bytes: Uint8Array): ImageConfig {
  const document = parseObject(bytes, "CONFIG_INVALID", "image config");
  const rootfs = document["rootfs"] as { readonly diff_ids?: unknown } | undefined;
  if (!Array.isArray(rootfs?.diff_ids)) throw new StoreError("CONFIG_INVALID", "Cannot read image config: it has no rootfs.diff_ids");
  for (const digest of rootfs.diff_ids as unknown[]) parseDigest(String(digest));
  const odd = oddField(document);
  if (odd !== undefined) throw new StoreError("CONFIG_INVALID", `Cannot read image config: ${odd} is not of the kind that the specification says`);
  return document as unknown as ImageConfig;
}

/** Name of the first field that readers would stumble over. Docker writes null for what is not there. */
function oddField({ os, architecture, history, config }: Record<string, unknown>): string | undefined {
  const { Env, Cmd, Entrypoint, Labels, Volumes, ExposedPorts, User, WorkingDir, StopSignal, Shell, OnBuild, Healthcheck } = (
    isRecord(config) ? config : {}
  ) as Record<string, unknown>;
  const { Test, Interval, Timeout, StartPeriod, StartInterval, Retries } = (isRecord(Healthcheck) ? Healthcheck : {}) as Record<string, unknown>;
  const isText = (value: unknown): boolean => typeof value === "string";
  const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
  const fields: readonly (readonly [name: string, value: unknown, isRight: (value: unknown) => boolean])[] = [
    ...Object.entries({ os, architecture, User, WorkingDir, StopSignal }).map(([name, value]) => [name, value, isText] as const),
    ...Object.entries({ Env, Cmd, Entrypoint, Shell, OnBuild, Test }).map(([name, value]) => [name, value, isTexts] as const),
    ...Object.entries({ config, Volumes, ExposedPorts, Healthcheck }).map(([name, value]) => [name, value, isRecord] as const),
    ...Object.entries({ Interval, Timeout, StartPeriod, StartInterval, Retries }).map(([name, value]) => [name, value, Number.isSafeInteger] as const),
    ["Labels", Labels, (value) => isRecord(value) && Object.values(value as object).every(isText)],
    ["history", history, (value) => Array.isArray(value) && value.every(isRecord)],
  ];
  return fields.find(([, value, isRight]) => value !== undefined && value !== null && !isRight(value))?.[0];
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(bytes: Uint8Array, code: "MANIFEST_INVALID" | "CONFIG_INVALID", what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch (cause) {
    throw new StoreError(code, `Cannot read ${what}: it is not JSON`, { cause });
  }
  if (!isRecord(value)) throw new StoreError(code, `Cannot read ${what}: it is not a JSON object`);
  return value as Record<string, unknown>;
}

function isDescriptor(value: unknown): value is Descriptor {
  if (typeof value !== "object" || value === null) return false;
  const { mediaType, digest, size } = value as Partial<Record<keyof Descriptor, unknown>>;
  return typeof mediaType === "string" && typeof digest === "string" && isDigest(digest) && Number.isSafeInteger(size) && (size as number) >= 0;
}
