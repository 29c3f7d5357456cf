/** A document in memory, no longer than documents may be, and what its digest says. */
import { MAX_DOCUMENT_BYTES } from "../store/blob/blobs.ts";
import { algorithmOf, digestOf } from "../store/digest.ts";
import { StoreError } from "../store/errors.ts";
import type { Descriptor } from "../store/oci.ts";

/** @throws {StoreError} `SIZE_MISMATCH`, `DIGEST_MISMATCH` */
export async function collectBytes(content: AsyncIterable<Uint8Array>, { digest }: Descriptor): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > MAX_DOCUMENT_BYTES) throw new StoreError("SIZE_MISMATCH", `Cannot read ${digest}: it is longer than ${MAX_DOCUMENT_BYTES} bytes`);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const found = digestOf(bytes, algorithmOf(digest));
  if (found !== digest) throw new StoreError("DIGEST_MISMATCH", `Cannot read ${digest}: its content is ${found}`);
  return bytes;
}
