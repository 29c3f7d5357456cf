/** skopeo's `dir:`: one image in a plain folder, its top as manifest.json, the manifests of an index as HEX.manifest.json, blobs as HEX. Spec: containers-transports(5). */
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, encodedOf } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import { isIndex, isManifest } from "../../store/image/documents.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import type { ContentSink, ContentSource } from "../../store/content.ts";
import { folderContent, writeWhole } from "./folder.ts";

const TOP = "manifest.json";

export async function openDirSource(folder: string): Promise<{ readonly content: ContentSource; readonly top: Descriptor }> {
  const bytes = await readFile(join(folder, TOP)).catch((cause: unknown) => {
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

export function dirSink(folder: string): { readonly content: ContentSink; readonly finish: (top: Descriptor, bytes: Uint8Array) => Promise<void> } {
  return {
    content: folderContent((descriptor) => (isDocument(descriptor) ? manifestPath(folder, descriptor) : join(folder, encodedOf(descriptor.digest)))),
    async finish(top, bytes) {
      await writeWhole(join(folder, TOP), bytes);
      await rm(manifestPath(folder, top), { force: true });
      await writeWhole(join(folder, "version"), "Directory Transport Version: 1.1\n");
    },
  };
}

function manifestPath(folder: string, { digest }: Descriptor): string {
  return join(folder, `${encodedOf(digest)}.manifest.json`);
}

function isDocument(descriptor: Descriptor): boolean {
  return isIndex(descriptor) || isManifest(descriptor);
}
