/** Opens what `copy` reads: content, and the descriptor of the image in it. */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, encodedOf, type Digest } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import type { ContentSource, Store } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { openReference } from "../registry/open-remote.ts";
import { folderContent } from "./folder.ts";
import { findInLayout, layoutContent, referrersInLayout } from "./layout.ts";
import type { Place } from "./place.ts";

export interface CopySource extends AsyncDisposable {
  readonly content: ContentSource;
  readonly top: Descriptor;
  /** Absent where the place cannot tell. */
  readonly referrers?: (subject: Digest) => Promise<readonly Descriptor[]>;
}

/** @throws {StoreError} `IMAGE_UNKNOWN`, `ARCHIVE_INVALID` @throws {RegistryError} */
export async function openSource(context: Context, place: Place, insecure: boolean): Promise<CopySource> {
  switch (place.kind) {
    case "docker": {
      const opened = await openReference(context, place.reference, { insecure });
      const { descriptor } = await opened.repository.read(opened.target);
      const referrers = async (subject: Digest): Promise<readonly Descriptor[]> => await opened.repository.referrers(subject);
      return { content: opened.repository, top: descriptor, referrers, [Symbol.asyncDispose]: async () => await opened[Symbol.asyncDispose]() };
    }
    case "store":
      return await openStored(context, place.reference);
    case "oci":
      return held(layoutContent(place.path), await findInLayout(place.path, place.name), async (subject) => await referrersInLayout(place.path, subject));
    case "dir":
      return await openDir(place.path);
    case "oci-archive":
    case "docker-archive":
      return await openArchive(context, place.path, place.name);
  }
}

async function openStored(context: Context, reference: string): Promise<CopySource> {
  const store = await context.store();
  const record = await store.images.find(reference);
  if (record === undefined) throw new StoreError("IMAGE_UNKNOWN", `Cannot copy ${reference}: it is not in the store`);
  const { exportableImage } = await import("../../store/image/exportable.ts");
  return held(store.blobs, await exportableImage(store, record.target, { compression: "gzip" }), await storedReferrers(store));
}

async function openDir(folder: string): Promise<CopySource> {
  const bytes = await readFile(join(folder, "manifest.json"));
  const { mediaType = MEDIA_TYPE.manifest } = JSON.parse(bytes.toString("utf8")) as { readonly mediaType?: string };
  const top = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const pathOf = ({ digest }: Descriptor): string => join(folder, digest === top.digest ? "manifest.json" : encodedOf(digest));
  return held(folderContent(pathOf), top);
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
  const fitting = name === undefined ? images : images.filter((image) => image.name?.endsWith(`:${name}`) === true || image.name?.endsWith(name) === true);
  const [only] = fitting;
  if (only === undefined) throw new StoreError("IMAGE_UNKNOWN", `Cannot find ${name ?? "an image"} in ${path}: ${images.length} images are in it`);
  return held(store.blobs, only.target, await storedReferrers(store));
}

async function storedReferrers(store: Store): Promise<CopySource["referrers"]> {
  const { referrersOf } = await import("../../store/image/referrers.ts");
  return async (subject) => referrersOf(store, subject);
}

function held(content: ContentSource, top: Descriptor, referrers?: CopySource["referrers"]): CopySource {
  return { content, top, ...(referrers === undefined ? {} : { referrers }), [Symbol.asyncDispose]: async () => {} };
}
