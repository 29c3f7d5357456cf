/** Bytes that are in memory already, as content. */
import type { ContentSource } from "./content.ts";
import type { Descriptor } from "./oci.ts";

/** In one chunk. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** As `content`, but `bytes` are what `digest` names: they are not fetched again. */
export function knowing(content: ContentSource, { digest }: Pick<Descriptor, "digest">, bytes: Uint8Array): ContentSource {
  return { fetch: (wanted) => (wanted.digest === digest ? once(bytes) : content.fetch(wanted)) };
}
