/** Content in a folder, one file a blob: an OCI layout, or skopeo's `dir:`. A file is written whole or not at all. */
import { createReadStream, createWriteStream, existsSync, statSync } from "node:fs";
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileContent } from "../../registry/client/file-content.ts";
import { StoreError } from "../../store/errors.ts";
import { makeFolders } from "../../store/make-folders.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { ContentSink, ContentSource } from "../../store/content.ts";
import { writeVerified } from "./verified-file.ts";

const CHUNK_BYTES = 1 << 20;

export function folderContent(pathOf: (descriptor: Descriptor) => string): ContentSource & ContentSink {
  return {
    fetch: (descriptor) => {
      const path = pathOf(descriptor);
      if (!existsSync(path)) throw new StoreError("BLOB_UNKNOWN", `Cannot read ${descriptor.digest}: ${path} is missing`);
      return fileContent(path, descriptor.size, (start) => createReadStream(path, { start, highWaterMark: CHUNK_BYTES }));
    },
    has: async (descriptor) => statSync(pathOf(descriptor), { throwIfNoEntry: false })?.size === descriptor.size, // a machine that went down may leave less
    push: async (descriptor, content) => await writeVerified(pathOf(descriptor), descriptor, content),
  };
}

export async function writeWhole(path: string, bytes: string | Uint8Array): Promise<void> {
  makeFolders(dirname(path));
  const fresh = `${path}.${process.pid}.part`;
  await writeFile(fresh, bytes);
  await rename(fresh, path);
}

/** Beside and renamed, or as it is where it is no plain file: a pipe, /dev/stdout. */
export async function writeFileWhole(path: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  const present = await stat(path).catch(() => undefined);
  const isPlain = present === undefined || present.isFile();
  const fresh = isPlain ? `${path}.${process.pid}.part` : path;
  try {
    await pipeline(content, createWriteStream(fresh), { signal });
    if (isPlain) await rename(fresh, path);
  } finally {
    if (isPlain) await rm(fresh, { force: true });
  }
}
