/** What is said of an image goes where the image goes: its manifests' referrers, and theirs. */
import type { Digest } from "../../store/digest.ts";
import { isIndex, parseIndex } from "../../store/image/documents.ts";
import { copyImage, readDocument } from "../../store/image/copy.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { ContentSink, ContentSource } from "../../store/content.ts";

export interface ReferrerSource {
  readonly content: ContentSource;
  /** Undefined: a place that cannot tell. */
  readonly referrers?: ((subject: Digest) => Promise<readonly Descriptor[]>) | undefined;
}

export interface ReferrerSink {
  readonly content: ContentSink;
  /** Takes note of a referrer whose content is there; undefined: a place that cannot. */
  readonly refer?: ((subject: Digest, referrer: Descriptor) => Promise<void>) | undefined;
}

/** `top` has been copied. Idempotent. */
export async function copyReferrers(from: ReferrerSource, to: ReferrerSink, top: Descriptor): Promise<void> {
  const { referrers } = from;
  const { refer } = to;
  if (referrers === undefined || refer === undefined) return;
  const left = [top, ...(await imagesBelow(from.content, top))];
  const seen = new Set<Digest>();
  for (let subject = left.pop(); subject !== undefined; subject = left.pop()) {
    if (seen.has(subject.digest)) continue;
    seen.add(subject.digest);
    for (const referrer of await referrers(subject.digest)) {
      await copyImage(from.content, to.content, referrer);
      await refer(subject.digest, referrer);
      left.push(referrer);
    }
  }
}

async function imagesBelow(content: ContentSource, top: Descriptor): Promise<readonly Descriptor[]> {
  return isIndex(top) ? parseIndex(await readDocument(content, top)).manifests : [];
}
