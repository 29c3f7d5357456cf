/** skopeo's `dir:`: one image in a plain folder, its top as manifest.json, the manifests of an index as HEX.manifest.json, blobs as HEX. Spec: containers-transports(5). */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, encodedOf } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import { lockFolder, type Waiting } from "../../store/folder-lock.ts";
import { sweepFresh } from "../../store/fresh-file.ts";
import { isIndex, isManifest } from "../../store/image/documents.ts";
import { makeFolders } from "../../store/make-folders.ts";
import { readPlainFile } from "../../store/plain-file.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import type { ContentSink, ContentSource } from "../../store/content.ts";
import { folderContent, writeWhole } from "./folder.ts";

const TOP = "manifest.json";
const VERSION = "version";
const VERSION_TEXT = "Directory Transport Version: 1.1\n";
/** What images have in such folders. */
const PART_OF_IMAGE = /^(?:(?:[0-9a-f]{64}|[0-9a-f]{128})(?:\.manifest\.json)?|signature-\d+)$/;

export async function openDirSource(folder: string): Promise<{ readonly content: ContentSource; readonly top: Descriptor }> {
  const bytes = await readPlainFile(join(folder, TOP)).catch((cause: unknown) => {
    if (cause instanceof StoreError) throw cause;
    throw new StoreError("ARCHIVE_INVALID", `Cannot read ${folder} as a dir: of an image: it has no ${TOP}`, { cause });
  });
  const top = { mediaType: typeOf(bytes, folder), digest: digestOf(bytes), size: bytes.length };
  const pathOf = (descriptor: Descriptor): string => {
    if (descriptor.digest === top.digest) return join(folder, TOP);
    const manifest = manifestPath(folder, descriptor);
    return isDocument(descriptor) && existsSync(manifest) ? manifest : join(folder, encodedOf(descriptor.digest));
  };
  return { content: folderContent(pathOf), top };
}

function typeOf(bytes: Buffer, folder: string): string {
  try {
    const { mediaType, manifests } = JSON.parse(bytes.toString("utf8")) as { readonly mediaType?: unknown; readonly manifests?: unknown };
    return typeof mediaType === "string" ? mediaType : Array.isArray(manifests) ? MEDIA_TYPE.index : MEDIA_TYPE.manifest;
  } catch (cause) {
    throw new StoreError("MANIFEST_INVALID", `Cannot read ${join(folder, TOP)}: it is not JSON`, { cause });
  }
}

/** Dispose lets others write. */
export interface DirSink extends Disposable {
  readonly content: ContentSink;
  /** What the folder had of another image goes. */
  readonly finish: (top: Descriptor, bytes: Uint8Array) => Promise<void>;
}

/** Makes the folder, or takes one that is empty or has an image already; of several writers one waits for the other. @throws {StoreError} `FILE_FOREIGN`, `FOLDER_REFUSED` */
export async function openDirSink(folder: string, waiting: Waiting): Promise<DirSink> {
  makeFolders(folder);
  const lock = await lockFolder(folder, waiting);
  try {
    return { ...(await openLocked(folder)), [Symbol.dispose]: () => lock[Symbol.dispose]() };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

async function openLocked(folder: string): Promise<Omit<DirSink, typeof Symbol.dispose>> {
  await sweepFresh(folder, (place) => place === TOP || place === VERSION || PART_OF_IMAGE.test(place));
  if (!(await isOfImage(folder)))
    throw new StoreError("FILE_FOREIGN", `Cannot write an image to dir:${folder}: it is not empty and not a folder of an image: it has no ${VERSION} file`, {
      hint: "Name a folder that is empty or not there yet",
    });
  await writeWhole(join(folder, VERSION), VERSION_TEXT); // a copy that is cut short can be begun again
  const used = new Set<string>();
  const nameOf = (descriptor: Descriptor): string => {
    const name = isDocument(descriptor) ? manifestName(descriptor) : encodedOf(descriptor.digest);
    used.add(name);
    return name;
  };
  const files = folderContent((descriptor) => join(folder, nameOf(descriptor)));
  return {
    content: { ...files, has: async (descriptor) => !isDocument(descriptor) && (await files.has(descriptor)) }, // what a manifest names is asked for too, and stays
    async finish(top, bytes) {
      await writeWhole(join(folder, TOP), bytes);
      used.delete(manifestName(top));
      for (const name of await readdir(folder)) if (PART_OF_IMAGE.test(name) && !used.has(name)) await rm(join(folder, name), { force: true });
    },
  };
}

async function isOfImage(folder: string): Promise<boolean> {
  if ((await readdir(folder)).length === 0) return true;
  const version = await readPlainFile(join(folder, VERSION)).then(String, () => "");
  return version.startsWith("Directory Transport Version: ");
}

function manifestPath(folder: string, descriptor: Descriptor): string {
  return join(folder, manifestName(descriptor));
}

function manifestName({ digest }: Descriptor): string {
  return `${encodedOf(digest)}.manifest.json`;
}

function isDocument(descriptor: Descriptor): boolean {
  return isIndex(descriptor) || isManifest(descriptor);
}
