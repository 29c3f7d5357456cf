/** Opens what `copy` reads: content, and the descriptor of the image in it. */
import type { Digest } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import type { SavedImage } from "../../store/archive/save.ts";
import type { Descriptor } from "../../store/oci.ts";
import { familiarName, namesRegistry } from "../../store/reference.ts";
import type { Store } from "../../store/store.ts";
import type { ContentSource } from "../../store/content.ts";
import type { Context } from "../context.ts";
import { asked } from "../registry/asked.ts";
import type { RemoteFlags } from "../registry/open-remote.ts";
import { readArchive } from "../images/read-archive.ts";
import { openDirSource } from "./dir.ts";
import { findInLayout, layoutContent, referrersInLayout } from "./layout.ts";
import { onlyImage } from "./only-image.ts";
import type { ArchivePlace, Place } from "./place.ts";
import { knowing } from "../../store/known-bytes.ts";

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
      return await openArchive(context, place);
  }
}

/** Through its mirrors. The top is asked for once: a tag may move meanwhile. */
async function openRegistry(context: Context, reference: string, flags: RemoteFlags): Promise<CopySource> {
  const { openSourceReference } = await import("../registry/open-source.ts");
  const opened = await openSourceReference(context, reference, flags);
  const { repository, target } = opened;
  const { descriptor, bytes } = await asked("pull", reference, async () => await repository.read(target));
  const content = knowing(repository, descriptor, bytes);
  return {
    place: repository.place,
    content,
    top: descriptor,
    referrers: async (subject) => await repository.referrers(subject),
    [Symbol.asyncDispose]: async () => await opened[Symbol.asyncDispose](),
  };
}

async function openStored(context: Context, reference: string): Promise<CopySource> {
  const store = await context.store();
  const record = await store.images.find(reference);
  if (record === undefined) {
    const hint = namesRegistry(reference) ? { hint: `docker://${reference} asks the registry` } : {};
    throw new StoreError("IMAGE_UNKNOWN", `Cannot copy ${reference}: it is not in the store`, hint);
  }
  const { exportableImage } = await import("../../store/image/exportable.ts");
  const top = await exportableImage(store, record.target, { compression: "gzip" });
  return { ...held(reference, store.blobs, top), ...(await storedReferrers(store)), isHere: async (part) => await store.blobs.has(part) };
}

/** Its blobs pass through the store, unnamed: the next collection after the copy takes them. */
async function openArchive(context: Context, { kind, path, name }: ArchivePlace): Promise<CopySource> {
  const store = await context.store();
  const [{ loadImages }, { addReferrer }] = await Promise.all([import("../../store/archive/load.ts"), import("../../store/image/referrers.ts")]);
  const arrival = (await import("../../store/care/arrival.ts")).openArrival(store);
  const images = await loadImages(arrival.blobs, readArchive(path), {
    onReferrer: async (subject, referrer) => await addReferrer(store, subject, referrer),
    called: path,
  });
  const fitting = name === undefined ? images : images.filter((image) => image.reference === name || isNamed(image.name, name));
  const different = [...new Map(fitting.map((image) => [image.target.digest, image])).values()];
  const { target } = onlyImage(different, { name, place: path, all: images, nameOf: (image) => namesOf(image, kind)[0] ?? image.target.digest });
  return { ...held(path, store.blobs, target), ...(await storedReferrers(store)), [Symbol.asyncDispose]: async () => await arrival[Symbol.asyncDispose]() };
}

/** One tar may be both: an OCI archive, whose names are any words, and docker's, whose names are references. */
function namesOf({ reference, name }: SavedImage, kind: ArchivePlace["kind"]): readonly string[] {
  const names = [reference, name === undefined ? undefined : familiarName(name)];
  return (kind === "docker-archive" ? names.toReversed() : names).filter((text) => text !== undefined);
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
