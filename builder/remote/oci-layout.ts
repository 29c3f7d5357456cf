/** An image in an OCI layout folder, brought into the store: `oci-layout://FOLDER[:tag][@digest]`. Spec: image-spec v1.1, image-layout.md. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { algorithmOf, encodedOf, isDigest } from "../../store/digest.ts";
import { copyImage } from "../../store/image/copy.ts";
import { parseIndex } from "../../store/image/documents.ts";
import { StoreError } from "../../store/errors.ts";
import { readPlainFile, readPlainFrom } from "../../store/plain-file.ts";
import type { Descriptor, Platform } from "../../store/oci.ts";
import type { Image, Store } from "../../store/store.ts";
import type { ContentSource } from "../../store/content.ts";
import { BuilderError } from "../errors.ts";

const SCHEME = "oci-layout://";
const CHUNK_BYTES = 1 << 20;
const REF_NAME = "org.opencontainers.image.ref.name";

/** @throws {BuilderError} `IMAGE_UNKNOWN` */
export async function openLayout(reference: string, platform: Platform, store: Store, signal: AbortSignal | undefined): Promise<Image> {
  const { folder, tag, digest } = parseLayoutReference(reference);
  try {
    const top = choose(await readEntries(folder), tag, digest);
    const copied = await copyImage(contentOf(folder), store.blobs, top, { platform, ...(signal === undefined ? {} : { signal }) });
    return await store.images.read(copied, platform);
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof LayoutProblem)) throw error;
    throw new BuilderError("IMAGE_UNKNOWN", `Cannot use image ${reference}: ${error.message}`, { cause: error });
  }
}

export function parseLayoutReference(reference: string): { readonly folder: string; readonly tag: string | undefined; readonly digest: string | undefined } {
  const text = reference.slice(SCHEME.length);
  const [, named = text, digest] = /^(.*)@([a-z0-9]+:[0-9a-f]+)$/s.exec(text) ?? [];
  const [, folder = named, tag] = /^(.*):([\w][\w.-]{0,127})$/s.exec(named) ?? [];
  return { folder, tag, digest };
}

class LayoutProblem extends Error {}

async function readEntries(folder: string): Promise<readonly Descriptor[]> {
  const file = join(folder, "index.json");
  if (!existsSync(file)) throw new LayoutProblem(`${folder} is no OCI layout: it has no index.json`);
  return parseIndex(await readPlainFile(file)).manifests;
}

/** By digest, else by name; without a tag `latest`, or the only one there is. */
function choose(entries: readonly Descriptor[], tag: string | undefined, digest: string | undefined): Descriptor {
  const names = entries.map((entry) => entry.annotations?.[REF_NAME]);
  const isNamed = (name: string | undefined, wanted: string): boolean => name === wanted || name?.endsWith(`:${wanted}`) === true;
  const found =
    digest === undefined
      ? (entries.find((_, at) => isNamed(names[at], tag ?? "latest")) ?? (tag === undefined && entries.length === 1 ? entries[0] : undefined))
      : entries.find((entry) => entry.digest === digest);
  if (found !== undefined) {
    const { annotations: _, ...descriptor } = found;
    return descriptor;
  }
  const there = entries.map((entry, at) => names[at] ?? entry.digest).join(", ") || "nothing";
  throw new LayoutProblem(`the layout has no ${digest ?? tag ?? "latest"}, only ${there}`);
}

function contentOf(folder: string): ContentSource {
  return {
    fetch({ digest }) {
      if (!isDigest(digest)) throw new LayoutProblem(`${JSON.stringify(digest)} is no digest`);
      const path = join(folder, "blobs", algorithmOf(digest), encodedOf(digest));
      if (!existsSync(path)) throw new LayoutProblem(`blob ${digest} is missing`);
      return readPlainFrom(path, 0, CHUNK_BYTES);
    },
  };
}
