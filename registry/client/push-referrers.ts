/** What is said of an image that was pushed follows it: as it is, or, where the image was packed on the way, naming the digest it got. */
import type { Digest } from "../../store/digest.ts";
import { parseManifest } from "../../store/image/documents.ts";
import { referrersOf } from "../../store/image/referrers.ts";
import { retarget } from "../../store/image/retarget.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import { sendBlob } from "./push.ts";
import type { RemoteRepository } from "./remote-repository.ts";

type Source = Pick<Store, "blobs" | "table">;

export interface PushedReferrers {
  readonly sent: readonly Descriptor[];
  /** What cannot be said of another digest: signatures, say. */
  readonly left: readonly Descriptor[];
}

/** `from` is the manifest in the store, `to` the one in the repository. Idempotent. */
export async function pushReferrers(store: Source, repository: RemoteRepository, from: Descriptor, to: Descriptor): Promise<PushedReferrers> {
  const [sent, left]: [Descriptor[], Descriptor[]] = [[], []];
  for (const referrer of referrersOf(store, from.digest)) {
    const pushed =
      from.digest === to.digest ? await pushWhole(store, repository, referrer) : await pushRetargeted(store, repository, referrer, from.digest, to);
    if (pushed === undefined) left.push(referrer);
    else sent.push(...pushed);
  }
  return { sent, left };
}

/** With what is said of it in turn. */
async function pushWhole(store: Source, repository: RemoteRepository, referrer: Descriptor): Promise<readonly Descriptor[]> {
  const bytes = await store.blobs.read(referrer.digest);
  const { config, layers } = parseManifest(bytes);
  for (const part of [config, ...layers]) await sendBlob(store, repository, part);
  await repository.push(referrer, once(bytes));
  const { sent } = await pushReferrers(store, repository, referrer, referrer);
  return [referrer, ...sent];
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

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
