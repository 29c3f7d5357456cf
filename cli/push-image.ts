/** An image of the store into the registry that its name says. */
import type { Remote } from "../registry/client/remote.ts";
import type { OnTransfer, RemoteRepository } from "../registry/client/remote-repository.ts";
import type { Digest } from "../store/digest.ts";
import { StoreError } from "../store/errors.ts";
import type { Descriptor, Platform } from "../store/oci.ts";
import { familiarName, parseReference } from "../store/reference.ts";
import type { Store } from "../store/store.ts";
import type { Context } from "./context.ts";
import { asked } from "./registry/asked.ts";
import { openReference, type RemoteFlags } from "./registry/open-remote.ts";
import { gatherBlobs, pushWords, showTransfers } from "./registry/transfer-progress.ts";

export interface PushImageOptions extends RemoteFlags {
  /** What is pushed, when the name is not yet one of the store. */
  readonly source?: string;
  /** What is pushed, whatever the store has under the name. */
  readonly target?: Descriptor;
  /** Without a tag: only its digest names it there. */
  readonly byDigest?: boolean;
  readonly platform?: Platform | undefined;
  /** Where what is done is said; nowhere without it. */
  readonly progress?: NodeJS.WriteStream | undefined;
  /** Told instead what goes along and what does not. */
  readonly say?: (line: string) => void;
  /** Told of every blob on its way. */
  readonly onTransfer?: OnTransfer;
}

/** What the registry now has under that name. @throws {StoreError} `IMAGE_UNKNOWN` @throws {RegistryError} */
export async function pushImage(context: Context, text: string, options: PushImageOptions = {}): Promise<Descriptor> {
  return await asked("push", text, async () => await pushTo(context, text, options));
}

async function pushTo(context: Context, text: string, options: PushImageOptions): Promise<Descriptor> {
  const { source = text, platform, progress } = options;
  const store = await context.store();
  const target = options.target ?? (await store.images.find(source))?.target;
  if (target === undefined) throw new StoreError("IMAGE_UNKNOWN", `An image does not exist locally with the tag: ${familiarName(source)}`);
  const mounts = new Map<Digest, string>();
  using shown = showTransfers(progress, pushWords(mounts));
  const say = options.say ?? ((line: string): void => void progress?.write(`${line}\n`));
  const { placeOf, rememberPlaces } = await import("./registry/blob-places.ts");
  const places = gatherBlobs(options.onTransfer ?? shown.onTransfer);
  const { domain, path } = parseReference(text);
  await using opened = await openReference(context, text, options, async (remote) => ({
    onTransfer: places.onTransfer,
    prove: await proofs(remote, store),
    mountFrom: (digest) => {
      const from = placeOf(store, digest, domain, path);
      if (from !== undefined) mounts.set(digest, from);
      return from;
    },
  }));
  const { repository, reference } = opened;
  if (options.say === undefined) say(`The push refers to repository [${domain}/${path}]`);
  const { push } = await import("../registry/client/push.ts");
  const manifests: (readonly [from: Descriptor, to: Descriptor])[] = [];
  const pushed = await push(store, repository, target, { platform, onManifest: (from, to) => manifests.push([from, to]) });
  await repository.tag(options.byDigest === true ? pushed.descriptor.digest : (reference.tag ?? pushed.descriptor.digest), pushed);
  await sendReferrers(store, repository, manifests, say);
  const { id } = await store.images.read(target, platform);
  const { rememberDigest } = await import("./registry/pushed.ts");
  await rememberDigest(store, id, `${domain}/${path}@${pushed.descriptor.digest}`);
  await rememberPlaces(store, places.blobs, `${domain}/${path}`);
  return pushed.descriptor;
}

/** What is said of the images goes with them. */
async function sendReferrers(
  store: Store,
  repository: RemoteRepository,
  manifests: readonly (readonly [from: Descriptor, to: Descriptor])[],
  say: (line: string) => void,
): Promise<void> {
  const { referrersOf } = await import("../store/image/referrers.ts");
  const described = manifests.filter(([{ digest }]) => referrersOf(store, digest).length > 0);
  if (described.length === 0) return;
  const [{ pushReferrers }, { printable }] = await Promise.all([import("../registry/client/push-referrers.ts"), import("../registry/client/printable.ts")]);
  for (const [from, to] of described) {
    const { sent, left } = await pushReferrers(store, repository, from, to);
    for (const { digest, annotations } of sent) say(printable(`${annotations?.["org.opencontainers.image.title"] ?? "referrer"}: attached as ${digest}`));
    for (const { digest, artifactType = "" } of left)
      say(printable(`${digest} (${artifactType}) stays behind: it is about ${from.digest}, which was packed on the way`));
  }
}

/** Where the registry serves this very store, nothing has to travel. */
async function proofs(remote: Remote, store: Store): Promise<((digest: Digest) => string) | undefined> {
  if (remote.storeId === undefined) return undefined;
  const [{ openIdentity, prove }, { storeStorage }] = await Promise.all([import("../registry/identity.ts"), import("../registry/storage.ts")]);
  const identity = await openIdentity(storeStorage(store));
  return identity.id === remote.storeId ? (digest) => prove(identity, "mount", digest) : undefined;
}
