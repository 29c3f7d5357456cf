/** What is said of an image goes where the image goes: its manifests' referrers, and theirs. */
import type { Digest } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import { isIndex, isManifest, parseIndex } from "../../store/image/documents.ts";
import { copyImage, readDocument } from "../../store/image/copy.ts";
import { subjectIn } from "../../store/image/subject.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { ContentSink, ContentSource } from "../../store/content.ts";
import { knowing } from "../../store/known-bytes.ts";

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

/** A place that tells of more makes them up as it is asked. */
const MAX_REFERRERS = 10_000;

/** `top` has been copied. Only manifests that name their subject themselves go along. Idempotent. @throws {StoreError} `MANIFEST_INVALID` */
export async function copyReferrers(from: ReferrerSource, to: ReferrerSink, top: Descriptor): Promise<void> {
  const { referrers } = from;
  const { refer } = to;
  if (referrers === undefined || refer === undefined) return;
  const left = [top, ...(await imagesBelow(from.content, top))];
  const seen = new Set<Digest>();
  const taken = new Set<Digest>();
  for (let subject = left.pop(); subject !== undefined; subject = left.pop()) {
    if (seen.has(subject.digest)) continue;
    seen.add(subject.digest);
    for (const referrer of await referrers(subject.digest)) {
      const bytes = taken.has(referrer.digest) ? undefined : await readAbout(from.content, referrer, subject.digest);
      if (bytes === undefined) continue;
      if (taken.size >= MAX_REFERRERS) throw tooMany(top);
      taken.add(referrer.digest);
      await copyImage(knowing(from.content, referrer, bytes), to.content, referrer);
      await refer(subject.digest, referrer);
      left.push(referrer);
    }
  }
}

/** Undefined when it is about something else than the place says. */
async function readAbout(content: ContentSource, referrer: Descriptor, subject: Digest): Promise<Uint8Array | undefined> {
  if (!isManifest(referrer) && !isIndex(referrer)) return undefined;
  const bytes = await readDocument(content, referrer);
  return subjectIn(referrer, bytes) === subject ? bytes : undefined;
}

function tooMany({ digest }: Descriptor): StoreError {
  return new StoreError("MANIFEST_INVALID", `Cannot copy what is attached to ${digest}: there is more than ${MAX_REFERRERS} manifests of it`, {
    hint: "--no-referrers leaves it behind",
  });
}

async function imagesBelow(content: ContentSource, top: Descriptor): Promise<readonly Descriptor[]> {
  return isIndex(top) ? parseIndex(await readDocument(content, top)).manifests : [];
}
