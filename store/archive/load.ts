/** Images out of an OCI archive or a docker archive, packed or not, in one pass: each blob goes into the store as it comes by. */
import { Readable } from "node:stream";
import { extract } from "tar-stream";
import { algorithmOf, encodedOf, isDigest, type Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { parseConfig, parseIndex } from "../image/documents.ts";
import { subjectOf } from "../image/subject.ts";
import { MEDIA_TYPE, type Descriptor } from "../oci.ts";
import { parseReference } from "../reference.ts";
import type { Blobs, Stored } from "../content.ts";
import { unpackStream } from "./unpack-stream.ts";
import type { SavedImage } from "./save.ts";

const REF_NAME = "org.opencontainers.image.ref.name";
const MAX_DOCUMENT_BYTES = 4 << 20;

/** Told of manifests in the archive that are about others in it; their content is in the store by then. */
export type OnReferrer = (subject: Digest, referrer: Descriptor) => Promise<void>;

export interface LoadOptions {
  readonly onReferrer?: OnReferrer;
  /** What it is called in errors. @default archive */
  readonly called?: string;
}

/** Names are those in the archive; giving them is the caller's. @throws {StoreError} `ARCHIVE_INVALID`, `DIGEST_MISMATCH` */
export async function loadImages(
  blobs: Blobs,
  archive: AsyncIterable<Uint8Array>,
  { onReferrer, called = "archive" }: LoadOptions = {},
): Promise<readonly SavedImage[]> {
  const found = await readWhole(blobs, archive, called);
  const index = found.documents.get("index.json");
  if (found.documents.has("oci-layout") && index !== undefined) return await imagesOf(blobs, index, found, onReferrer);
  const manifest = found.documents.get("manifest.json");
  if (manifest === undefined)
    throw new StoreError("ARCHIVE_INVALID", `Cannot load ${called}: ${found.isEmpty ? "it is empty" : "it has neither index.json nor manifest.json"}`);
  return await dockerImages(blobs, manifest, found);
}

interface Archive extends Files {
  readonly called: string;
  readonly isEmpty: boolean;
}

interface Files {
  readonly documents: ReadonlyMap<string, Buffer>;
  /** What became of each file, by its path in the archive. */
  readonly stored: ReadonlyMap<string, Stored>;
}

async function readWhole(blobs: Blobs, archive: AsyncIterable<Uint8Array>, called: string): Promise<Archive> {
  let isBegun = false;
  try {
    return { ...(await readArchive(blobs, archive, () => void (isBegun = true))), called, isEmpty: !isBegun };
  } catch (error) {
    if (error instanceof StoreError || !(error instanceof Error) || "syscall" in error) throw error;
    const isNone = !isBegun && !("code" in error); // with a code it is what it was packed with that is damaged
    throw new StoreError("ARCHIVE_INVALID", `Cannot load ${called}: ${isNone ? "it is no archive" : error.message}`, { cause: error });
  }
}

/** `onEntry` hears of every member. */
async function readArchive(blobs: Blobs, archive: AsyncIterable<Uint8Array>, onEntry: () => void): Promise<Files> {
  const documents = new Map<string, Buffer>();
  const stored = new Map<string, Stored>();
  const links = new Map<string, string>();
  const entries = extract();
  const source = Readable.from(unpackStream(archive));
  source.on("error", (error) => entries.destroy(error)).pipe(entries);
  for await (const entry of entries as AsyncIterable<ArchiveEntry>) {
    onEntry();
    const { name, type, size = 0, linkname } = entry.header;
    const path = name.replace(/^(?:\.\/)+/, "");
    if (type === "symlink" || type === "link") links.set(path, resolveLink(path, linkname ?? "", type));
    if (type !== "file") entry.resume();
    else if (isDocument(path) && size <= MAX_DOCUMENT_BYTES) documents.set(path, Buffer.concat(await gatherChunks(entry)));
    else stored.set(path, await blobs.ingest(entry, expectedOf(path)));
  }
  for (const [path, target] of links) if (stored.has(target)) stored.set(path, stored.get(target)!);
  return { documents, stored };
}

type ArchiveEntry = AsyncIterable<Uint8Array> & {
  readonly header: { readonly name: string; readonly type?: string | null; readonly size?: number; readonly linkname?: string | null };
  resume(): unknown;
};

function isDocument(path: string): boolean {
  return ["oci-layout", "index.json", "manifest.json", "repositories"].includes(path);
}

async function gatherChunks(content: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return chunks;
}

/** In an OCI layout a blob's name is its digest: it is verified while it comes. */
function expectedOf(path: string): { readonly digest?: Digest } {
  const [, algorithm, hex] = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(path) ?? [];
  const digest = `${algorithm}:${hex}`;
  return isDigest(digest) ? { digest } : {};
}

/** Old docker archives name a layer that two images share by a link. */
function resolveLink(path: string, target: string, type: string): string {
  if (type === "link" || target.startsWith("/")) return target.replace(/^[./]+/, "");
  const parts = path.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}

async function imagesOf(blobs: Blobs, index: Uint8Array, found: Archive, onReferrer: OnReferrer | undefined): Promise<readonly SavedImage[]> {
  const { manifests } = parseIndex(index);
  const names = namesByConfig(found);
  const images: SavedImage[] = [];
  for (const { annotations, ...target } of manifests) {
    if (!found.stored.has(`blobs/${algorithmOf(target.digest)}/${encodedOf(target.digest)}`))
      throw new StoreError("ARCHIVE_INVALID", `Cannot load ${found.called}: its index names ${target.digest}, which is not in it`);
    const name = nameOf(annotations, names);
    const subject = name === undefined ? await subjectOf(blobs, target) : undefined;
    if (subject === undefined) images.push({ name, target, reference: annotations?.[REF_NAME] });
    else await onReferrer?.(subject, { ...target, ...(annotations === undefined ? {} : { annotations }) });
  }
  return images;
}

/** The full name where the writer gave one; a lone tag is only a name together with the docker manifest's. */
function nameOf(annotations: Readonly<Record<string, string>> | undefined, names: readonly string[]): string | undefined {
  const full = annotations?.["io.containerd.image.name"];
  const reference = annotations?.[REF_NAME];
  for (const text of [full, reference?.includes("/") === true || reference?.includes(":") === true ? reference : undefined]) {
    if (text !== undefined) return tryName(text);
  }
  return names.find((name) => reference !== undefined && name.endsWith(`:${reference}`));
}

function namesByConfig(found: Archive): readonly string[] {
  const manifest = found.documents.get("manifest.json");
  if (manifest === undefined) return [];
  return parseDocker(manifest, found)
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .flatMap((text) => tryName(text) ?? []);
}

function tryName(text: string): string | undefined {
  try {
    return parseReference(text).name;
  } catch {
    return undefined;
  }
}

interface DockerImage {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

function parseDocker(bytes: Buffer, { called }: Archive): readonly DockerImage[] {
  const images = tryJson(bytes);
  if (!Array.isArray(images) || !images.every(isDockerImage))
    throw new StoreError("ARCHIVE_INVALID", `Cannot load ${called}: its manifest.json is not docker's`);
  return images;
}

function tryJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function isDockerImage(value: unknown): value is DockerImage {
  if (typeof value !== "object" || value === null) return false;
  const { Config, RepoTags, Layers } = value as Partial<Readonly<Record<keyof DockerImage, unknown>>>;
  return typeof Config === "string" && isTexts(Layers) && (RepoTags === undefined || RepoTags === null || isTexts(RepoTags));
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

async function dockerImages(blobs: Blobs, bytes: Buffer, found: Archive): Promise<readonly SavedImage[]> {
  const saved: SavedImage[] = [];
  for (const { Config, RepoTags, Layers } of parseDocker(bytes, found)) {
    const config = need(found, Config);
    const { rootfs } = parseConfig(await blobs.read(config.digest));
    const layers = Layers.map((path, index) => ({ ...need(found, path), diffID: rootfs.diff_ids[index] })).map(({ diffID, digest, size }) => ({
      mediaType: digest === diffID ? MEDIA_TYPE.layerTar : MEDIA_TYPE.layerGzip,
      digest,
      size,
    }));
    const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config: { mediaType: MEDIA_TYPE.config, ...config }, layers };
    const target: Descriptor = { mediaType: MEDIA_TYPE.manifest, ...(await blobs.put(JSON.stringify(manifest))) };
    const names = (RepoTags ?? []).flatMap((text) => tryName(text) ?? []);
    saved.push(...(names.length === 0 ? [{ name: undefined, target }] : names.map((name) => ({ name, target }))));
  }
  return saved;
}

function need(found: Archive, path: string): Stored {
  const stored = found.stored.get(path.replace(/^(?:\.\/)+/, ""));
  if (stored === undefined) throw new StoreError("ARCHIVE_INVALID", `Cannot load ${found.called}: its manifest.json names ${path}, which is not in it`);
  return stored;
}
