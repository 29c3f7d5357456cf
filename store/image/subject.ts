/** What a manifest says that it is about. Spec: image-spec v1.1, manifest.md, "subject". */
import type { Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import type { Descriptor } from "../oci.ts";
import type { Blobs } from "../content.ts";
import { isManifest, parseManifest } from "./documents.ts";

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
