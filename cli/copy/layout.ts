/** The index of an OCI layout folder: which images are in it, by the names that tools give them. Spec: image-spec v1.1, image-layout.md. */
import { join } from "node:path";
import { algorithmOf, encodedOf, isDigest, type Digest } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import { sweepFresh } from "../../store/fresh-file.ts";
import { isManifest, parseIndex } from "../../store/image/documents.ts";
import { readPlainFile } from "../../store/plain-file.ts";
import { MEDIA_TYPE, type Descriptor, type Manifest } from "../../store/oci.ts";
import type { ContentSink, ContentSource } from "../../store/content.ts";
import { readDocument } from "../../store/image/copy.ts";
import { folderContent, writeWhole } from "./folder.ts";
import { changingIndex } from "./layout-lock.ts";
import { onlyImage } from "./only-image.ts";

const INDEX = "index.json";
const MARK = "oci-layout";
const REF_NAME = "org.opencontainers.image.ref.name";

export function layoutContent(folder: string): ContentSource & ContentSink {
  return folderContent(({ digest }) => join(folder, "blobs", algorithmOf(digest), encodedOf(digest)));
}

/** To be written; what a killed process left half in it goes. */
export async function openLayoutSink(folder: string): Promise<ContentSink> {
  await sweepFresh(folder, (place) => place === INDEX || place === MARK);
  for (const algorithm of ["sha256", "sha512"]) await sweepFresh(join(folder, "blobs", algorithm), (place) => isDigest(`${algorithm}:${place}`));
  return layoutContent(folder);
}

/** The image of that name, or digest; without one, the only one. @throws {StoreError} `ARCHIVE_INVALID`, `IMAGE_UNKNOWN` */
export async function findInLayout(folder: string, name: string | undefined): Promise<Descriptor> {
  const manifests = await readEntries(folder);
  if (manifests === undefined) throw new StoreError("ARCHIVE_INVALID", `Cannot read ${folder} as an OCI layout: it has no index.json`);
  const found =
    name === undefined ? await imagesOf(folder, manifests) : manifests.filter(({ annotations, digest }) => annotations?.[REF_NAME] === name || digest === name);
  const nameOf = ({ annotations, digest }: Descriptor): string => annotations?.[REF_NAME] ?? digest;
  const { annotations: _, ...descriptor } = onlyImage(found, { name, place: folder, all: manifests, nameOf });
  return descriptor;
}

/** Replaces the image of that name; the others stay, also those that come at the same time. */
export async function nameInLayout(folder: string, name: string | undefined, descriptor: Descriptor): Promise<void> {
  const entry = name === undefined ? descriptor : { ...descriptor, annotations: { [REF_NAME]: name } };
  const isOther = ({ annotations, digest }: Descriptor): boolean => (name === undefined ? digest !== descriptor.digest : annotations?.[REF_NAME] !== name);
  await changingIndex(folder, async () => {
    await writeWhole(join(folder, MARK), '{"imageLayoutVersion":"1.0.0"}');
    await writeEntries(folder, [...((await readEntries(folder)) ?? []).filter(isOther), entry]);
  });
}

async function writeEntries(folder: string, manifests: readonly Descriptor[]): Promise<void> {
  await writeWhole(join(folder, INDEX), JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }));
}

/** Entries that are about others are no images to be found. */
async function imagesOf(folder: string, manifests: readonly Descriptor[]): Promise<readonly Descriptor[]> {
  if (manifests.length < 2) return manifests;
  const subjects = await Promise.all(manifests.map(async (manifest) => await subjectIn(folder, manifest)));
  return manifests.filter((_, at) => subjects[at] === undefined);
}

async function subjectIn(folder: string, entry: Descriptor): Promise<Digest | undefined> {
  if (!isManifest(entry)) return undefined;
  return (JSON.parse(Buffer.from(await readDocument(layoutContent(folder), entry)).toString("utf8")) as Partial<Manifest>).subject?.digest;
}

/** What is said of an image stands in the index beside it, as other tools have it. */
export async function referrersInLayout(folder: string, subject: Digest): Promise<readonly Descriptor[]> {
  const manifests = (await readEntries(folder)) ?? [];
  const subjects = await Promise.all(manifests.map(async (manifest) => await subjectIn(folder, manifest)));
  return manifests.filter((_, at) => subjects[at] === subject);
}

/** Idempotent; its content is there. */
export async function noteInLayout(folder: string, referrer: Descriptor): Promise<void> {
  await changingIndex(folder, async () => {
    const manifests = (await readEntries(folder)) ?? [];
    if (!manifests.some(({ digest }) => digest === referrer.digest)) await writeEntries(folder, [...manifests, referrer]);
  });
}

async function readEntries(folder: string): Promise<readonly Descriptor[] | undefined> {
  try {
    return parseIndex(await readPlainFile(join(folder, INDEX))).manifests;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
