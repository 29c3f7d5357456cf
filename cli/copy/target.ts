/** Opens what `copy` writes: a sink, and how the image is named once everything is there. */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { encodedOf, type Digest } from "../../store/digest.ts";
import type { Descriptor } from "../../store/oci.ts";
import { parseReference } from "../../store/reference.ts";
import type { ContentSink } from "../../store/store.ts";
import type { Context } from "../context.ts";
import type { OnTransfer } from "../../registry/client/repository.ts";
import type { SavedImage } from "../../store/archive/save.ts";
import { openReference } from "../registry/open-remote.ts";
import { folderContent, writeWhole } from "./folder.ts";
import { layoutContent, nameInLayout, noteInLayout } from "./layout.ts";
import type { Place } from "./place.ts";

export interface CopyTarget extends AsyncDisposable {
  readonly content: ContentSink;
  /** Everything that `top` names is there, it itself too. */
  finish(top: Descriptor, bytes: Uint8Array): Promise<void>;
  /** Takes note of a referrer whose content is there, after `finish`. Absent where a place has no room for them. */
  readonly refer?: (subject: Digest, referrer: Descriptor) => Promise<void>;
  /** After everything. */
  readonly close?: () => Promise<void>;
}

export async function openTarget(context: Context, place: Place, insecure: boolean, onTransfer: OnTransfer): Promise<CopyTarget> {
  switch (place.kind) {
    case "docker": {
      const opened = await openReference(context, place.reference, { insecure }, () => ({ onTransfer }));
      return {
        content: opened.repository,
        finish: async (top, bytes) => await opened.repository.tag(opened.target, { descriptor: top, bytes }),
        refer: async () => {}, // its manifest says it
        [Symbol.asyncDispose]: async () => await opened[Symbol.asyncDispose](),
      };
    }
    case "store": {
      const store = await context.store();
      const { addReferrer } = await import("../../store/image/referrers.ts");
      return {
        ...held(store.blobs, async (top) => void (await store.images.tag(parseReference(place.reference).name, top))),
        refer: async (subject, referrer) => await addReferrer(store, subject, referrer),
      };
    }
    case "oci":
      return {
        ...held(layoutContent(place.path), async (top) => await nameInLayout(place.path, place.name, top)),
        refer: async (_, referrer) => await noteInLayout(place.path, referrer),
      };
    case "dir":
      return openDir(place.path);
    case "oci-archive":
    case "docker-archive":
      return await openArchive(context, place.path, place.name);
  }
}

function openDir(folder: string): CopyTarget {
  return held(
    folderContent(({ digest }) => join(folder, encodedOf(digest))),
    async (_, bytes) => {
      await writeWhole(join(folder, "manifest.json"), bytes);
      await writeWhole(join(folder, "version"), "Directory Transport Version: 1.1\n");
    },
  );
}

/** Gathered in the store first: a tar needs every size before its first byte. */
async function openArchive(context: Context, path: string, name: string | undefined): Promise<CopyTarget> {
  const store = await context.store();
  const { saveImages } = await import("../../store/archive/save.ts");
  const referrers = new Map<Digest, Descriptor[]>();
  let image: SavedImage | undefined;
  const gather = held(store.blobs, async (top) => {
    image = { name: name === undefined ? undefined : parseReference(name).name, target: top };
  });
  return {
    ...gather,
    refer: async (subject, referrer) => void referrers.set(subject, [...(referrers.get(subject) ?? []), referrer]),
    close: async () => {
      if (image !== undefined)
        await pipeline(
          saveImages(store.blobs, [image], (subject) => referrers.get(subject) ?? []),
          createWriteStream(path),
        );
    },
  };
}

function held(content: ContentSink, finish: CopyTarget["finish"]): CopyTarget {
  return { content, finish, [Symbol.asyncDispose]: async () => {} };
}
