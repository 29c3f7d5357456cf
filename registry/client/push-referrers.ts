/** What is said of an image that was pushed follows it: as it is, or, where the image was packed on the way, naming the digest it got. */
import type { Digest } from "../../store/digest.ts";
import { isIndex, parseIndex, parseManifest } from "../../store/image/documents.ts";
import { referrersOf } from "../../store/image/referrers.ts";
import { retarget } from "../../store/image/retarget.ts";
import { subjectIn } from "../../store/image/subject.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import { sendBlob } from "./push.ts";
import type { RemoteRepository } from "./remote-repository.ts";
import { once } from "../../store/known-bytes.ts";

type Source = Pick<Store, "blobs" | "table">;

export interface PushedReferrers {
  readonly sent: readonly Descriptor[];
  /** What cannot be said of another digest: signatures, say. */
  readonly left: readonly Descriptor[];
}

/** `from` is the manifest in the store, `to` the one in the repository. Idempotent. */
export async function pushReferrers(store: Source, repository: RemoteRepository, from: Descriptor, to: Descriptor): Promise<PushedReferrers> {
  if (from.digest === to.digest) return { sent: await pushAll(store, repository, from), left: [] };
  const [sent, left]: [Descriptor[], Descriptor[]] = [[], []];
  for (const referrer of referrersOf(store, from.digest)) {
    const pushed = await pushRetargeted(store, repository, referrer, from.digest, to);
    if (pushed === undefined) left.push(referrer);
    else sent.push(...pushed);
  }
  return { sent, left };
}

/** With what is said of them in turn. A record alone proves nothing: only a manifest that names its subject is sent, and each once. */
async function pushAll(store: Source, repository: RemoteRepository, top: Descriptor): Promise<readonly Descriptor[]> {
  const sent = new Map<Digest, Descriptor>();
  const left = [top.digest];
  for (let subject = left.pop(); subject !== undefined; subject = left.pop()) {
    for (const referrer of referrersOf(store, subject)) {
      if (sent.has(referrer.digest) || subjectIn(referrer, await store.blobs.read(referrer.digest)) !== subject) continue;
      await pushTree(store, repository, referrer);
      sent.set(referrer.digest, referrer);
      left.push(referrer.digest);
    }
  }
  return [...sent.values()];
}

/** Digests lead down only: no document stands in itself. */
async function pushTree(store: Source, repository: RemoteRepository, document: Descriptor): Promise<void> {
  const bytes = await store.blobs.read(document.digest);
  if (isIndex(document)) for (const child of parseIndex(bytes).manifests) await pushTree(store, repository, child);
  else {
    const { config, layers } = parseManifest(bytes);
    for (const part of [config, ...layers]) await sendBlob(store, repository, part);
  }
  await repository.push(document, once(bytes));
}

async function pushRetargeted(
  store: Source,
  repository: RemoteRepository,
  referrer: Descriptor,
  from: Digest,
  to: Descriptor,
): Promise<readonly Descriptor[] | undefined> {
  const parts = await retarget(store.blobs, referrer, from, to);
  for (const { descriptor, bytes } of parts ?? []) if (!(await repository.has(descriptor))) await repository.push(descriptor, once(bytes));
  return parts?.slice(-1).map(({ descriptor }) => descriptor);
}
