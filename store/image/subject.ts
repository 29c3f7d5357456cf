/** What a manifest says that it is about. Spec: image-spec v1.1, manifest.md, "subject". */
import type { Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import type { Descriptor, Manifest } from "../oci.ts";
import type { Blobs } from "../content.ts";
import { isIndex, isManifest, parseIndex, parseManifest } from "./documents.ts";

/** Undefined: it is about nothing else, or no manifest. */
export async function subjectOf(blobs: Pick<Blobs, "read">, target: Descriptor): Promise<Digest | undefined> {
  if (!isManifest(target)) return undefined;
  try {
    return parseManifest(await blobs.read(target.digest)).subject?.digest;
  } catch (error) {
    if (error instanceof StoreError && error.code === "MANIFEST_INVALID") return undefined; // whoever wants it as an image is told
    throw error;
  }
}

/** Of a manifest or an index, as its own bytes say; undefined: it is about nothing else, or neither of them. */
export function subjectIn(document: Descriptor, bytes: Uint8Array): Digest | undefined {
  if (!isManifest(document) && !isIndex(document)) return undefined;
  const parsed: Pick<Manifest, "subject"> = isIndex(document) ? parseIndex(bytes) : parseManifest(bytes);
  return parsed.subject?.digest;
}
