/** Content in a folder, one file a blob: an OCI layout, or skopeo's `dir:`. A file is written whole or not at all. */
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileContent } from "../../registry/client/file-content.ts";
import { StoreError } from "../../store/errors.ts";
import { FreshFile } from "../../store/fresh-file.ts";
import { makeFolders } from "../../store/make-folders.ts";
import { readPlainFrom } from "../../store/plain-file.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { ContentSink, ContentSource } from "../../store/content.ts";
import { writeVerified } from "./verified-file.ts";

const CHUNK_BYTES = 1 << 20;

export function folderContent(pathOf: (descriptor: Descriptor) => string): ContentSource & ContentSink {
  return {
    fetch: (descriptor) => {
      const path = pathOf(descriptor);
      if (!existsSync(path)) throw new StoreError("BLOB_UNKNOWN", `Cannot read ${descriptor.digest}: ${path} is missing`);
      return fileContent(path, descriptor.size, (start) => readPlainFrom(path, start, CHUNK_BYTES));
    },
    has: async (descriptor) => {
      const found = statSync(pathOf(descriptor), { throwIfNoEntry: false });
      return found?.isFile() === true && found.size === descriptor.size; // a machine that went down may leave less
    },
    push: async (descriptor, content) => await writeVerified(pathOf(descriptor), descriptor, content),
  };
}

export async function writeWhole(path: string, bytes: string | Uint8Array): Promise<void> {
  makeFolders(dirname(path));
  await using fresh = await FreshFile.open(path);
  await fresh.handle.writeFile(bytes);
  await fresh.settle();
}
