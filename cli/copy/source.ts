/** Opens what `copy` reads: content, and the descriptor of the image in it. */
import { createReadStream } from "node:fs";
import type { Digest } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import type { ContentSource } from "../../store/content.ts";
import type { Context } from "../context.ts";
import type { RemoteFlags } from "../registry/open-remote.ts";
import { openDirSource } from "./dir.ts";
import { findInLayout, layoutContent, referrersInLayout } from "./layout.ts";
import type { Place } from "./place.ts";

export interface CopySource extends AsyncDisposable {
  /** What it is called in errors. */
  readonly place: string;
  /** Parts that may be missing: platforms that were not pulled. */
  readonly isHere?: (descriptor: Descriptor) => Promise<boolean>;
  readonly content: ContentSource;
  readonly top: Descriptor;
  /** Absent where the place cannot tell. */
  readonly referrers?: (subject: Digest) => Promise<readonly Descriptor[]>;
}

/** @throws {StoreError} `IMAGE_UNKNOWN`, `ARCHIVE_INVALID` @throws {RegistryError} */
export async function openSource(context: Context, place: Place, flags: RemoteFlags): Promise<CopySource> {
  switch (place.kind) {
    case "docker":
      return await openRegistry(context, place.reference, flags);
    case "store":
      return await openStored(context, place.reference);
    case "oci":
      return {
        ...held(place.path, layoutContent(place.path), await findInLayout(place.path, place.name)),
        referrers: async (subject) => await referrersInLayout(place.path, subject),
      };
    case "dir": {
      const { content, top } = await openDirSource(place.path);
      return held(place.path, content, top);
    }
    case "oci-archive":
    case "docker-archive":
      return await openArchive(context, place.path, place.name);
  }
}

/** Through its mirrors. The top is asked for once: a tag may move meanwhile. */
async function openRegistry(context: Context, reference: string, flags: RemoteFlags): Promise<CopySource> {
  const { openSourceReference } = await import("../registry/open-source.ts");
  const opened = await openSourceReference(context, reference, flags);
  const { repository, target } = opened;
  const { descriptor, bytes } = await repository.read(target);
  const content: ContentSource = { fetch: (wanted) => (wanted.digest === descriptor.digest ? once(bytes) : repository.fetch(wanted)) };
  return {
    place: repository.place,
    content,
    top: descriptor,
    referrers: async (subject) => await repository.referrers(subject),
    [Symbol.asyncDispose]: async () => await opened[Symbol.asyncDispose](),
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function openStored(context: Context, reference: string): Promise<CopySource> {
  const store = await context.store();
  const record = await store.images.find(reference);
  if (record === undefined) throw new StoreError("IMAGE_UNKNOWN", `Cannot copy ${reference}: it is not in the store`);
  const { exportableImage } = await import("../../store/image/exportable.ts");
  const top = await exportableImage(store, record.target, { compression: "gzip" });
  return { ...held(reference, store.blobs, top), ...(await storedReferrers(store)), isHere: async (part) => await store.blobs.has(part) };
}

/** Its blobs pass through the store, unnamed: the next collection takes them. */
async function openArchive(context: Context, path: string, name: string | undefined): Promise<CopySource> {
  const store = await context.store();
  const [{ loadImages }, { addReferrer }] = await Promise.all([import("../../store/archive/load.ts"), import("../../store/image/referrers.ts")]);
  const images = await loadImages(
    store.blobs,
    createReadStream(path, { highWaterMark: 1 << 20 }),
    async (subject, referrer) => await addReferrer(store, subject, referrer),
  );
  const fitting = name === undefined ? images : images.filter((image) => image.reference === name || isNamed(image.name, name));
  const targets = new Map(fitting.map(({ target }) => [target.digest, target]));
  const [only] = targets.values();
  if (only === undefined || targets.size > 1) {
    const called = images.map((image) => image.reference ?? image.name ?? image.target.digest).join(", ");
    throw new StoreError("IMAGE_UNKNOWN", `Cannot find ${name ?? "the image"} in ${path}: ${targets.size} of its images fit, which are ${called || "none"}`);
  }
  return { ...held(path, store.blobs, only), ...(await storedReferrers(store)) };
}

function isNamed(full: string | undefined, name: string): boolean {
  return full !== undefined && (full === name || full.endsWith(`:${name}`) || full.endsWith(`/${name}`) || full.endsWith(`/${name}:latest`));
}

async function storedReferrers(store: Store): Promise<Pick<CopySource, "referrers">> {
  const { referrersOf } = await import("../../store/image/referrers.ts");
  return { referrers: async (subject) => referrersOf(store, subject) };
}

function held(place: string, content: ContentSource, top: Descriptor): CopySource {
  return { place, content, top, [Symbol.asyncDispose]: async () => {} };
}
