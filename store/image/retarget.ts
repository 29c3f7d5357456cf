/**
 * The referrers of an image follow it when it is packed in another way, and so gets another digest. What may be changed is changed: attestations
 * that nobody signed name the new digest. Anything else is about the image as it was, and stays behind.
 */
import { algorithmOf, digestOf, encodedOf, type Digest } from "../digest.ts";
import type { Descriptor, Manifest } from "../oci.ts";
import type { Store } from "../store.ts";
import type { Blobs } from "../content.ts";
import { isManifest, parseManifest } from "./documents.ts";
import { addReferrer, referrerDescriptor, referrersOf } from "./referrers.ts";

export const IN_TOTO = "application/vnd.in-toto+json";

/** A document that has to be stored or sent: the referrer's manifest comes last. */
export interface Part {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

interface Statement {
  readonly subject?: readonly { readonly name?: string; readonly digest: Readonly<Record<string, string>> }[];
}

const MAX_STATEMENT_BYTES = 64 << 20;

/** Undefined: it cannot be said of another digest. */
export async function retarget(blobs: Pick<Blobs, "read">, referrer: Descriptor, from: Digest, to: Descriptor): Promise<readonly Part[] | undefined> {
  if (!isManifest(referrer)) return undefined;
  const manifest = parseManifest(await blobs.read(referrer.digest));
  if (manifest.artifactType !== IN_TOTO || manifest.layers.some(({ mediaType }) => mediaType !== IN_TOTO)) return undefined;
  const layers = await Promise.all(
    manifest.layers.map(async (layer) => retargetStatement(layer, await blobs.read(layer.digest, MAX_STATEMENT_BYTES), from, to)),
  );
  const { mediaType, digest, size } = to;
  const changed: Manifest = { ...manifest, layers: layers.map(({ descriptor }) => descriptor), subject: { mediaType, digest, size } };
  const config: Part = { descriptor: manifest.config, bytes: await blobs.read(manifest.config.digest) };
  const bytes = Buffer.from(JSON.stringify(changed));
  const own = referrerDescriptor({ mediaType: referrer.mediaType, digest: digestOf(bytes), size: bytes.length }, changed);
  return [config, ...layers, { descriptor: own, bytes }];
}

function retargetStatement(layer: Descriptor, content: Uint8Array, from: Digest, to: Descriptor): Part {
  const statement = JSON.parse(Buffer.from(content).toString("utf8")) as Statement;
  const subject = statement.subject?.map((one) =>
    one.digest[algorithmOf(from)] === encodedOf(from) ? { ...one, digest: { [algorithmOf(to.digest)]: encodedOf(to.digest) } } : one,
  );
  const bytes = Buffer.from(JSON.stringify({ ...statement, ...(subject === undefined ? {} : { subject }) }));
  return { descriptor: { ...layer, digest: digestOf(bytes), size: bytes.length }, bytes };
}

/** In the store: what was said of `from` is said of `to` as well. Idempotent. */
export async function carryReferrers(store: Pick<Store, "blobs" | "table">, from: Digest, to: Descriptor): Promise<void> {
  if (from === to.digest) return;
  for (const referrer of referrersOf(store, from)) {
    const parts = await retarget(store.blobs, referrer, from, to);
    const manifest = parts?.at(-1);
    if (parts === undefined || manifest === undefined) continue;
    for (const { bytes } of parts) await store.blobs.put(bytes);
    await addReferrer(store, to.digest, manifest.descriptor);
  }
}
