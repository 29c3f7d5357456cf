/** Opens what `copy` writes: a sink, and how the image is named once everything is there. */
import { statSync } from "node:fs";
import type { Digest } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import type { Descriptor } from "../../store/oci.ts";
import { parseReference } from "../../store/reference.ts";
import type { ContentSink } from "../../store/content.ts";
import type { Context } from "../context.ts";
import type { OnTransfer } from "../../registry/client/remote-repository.ts";
import type { SavedImage } from "../../store/archive/save.ts";
import { asked } from "../registry/asked.ts";
import { openReference, type RemoteFlags } from "../registry/open-remote.ts";
import { writeWholeFile } from "../whole-file.ts";
import { openDirSink } from "./dir.ts";
import { nameInLayout, noteInLayout, openLayoutSink } from "./layout.ts";
import type { ArchivePlace, Place } from "./place.ts";

export interface CopyTarget extends AsyncDisposable {
  readonly content: ContentSink;
  /** Everything that `top` names is there, it itself too. */
  finish(top: Descriptor, bytes: Uint8Array): Promise<void>;
  /** Takes note of a referrer whose content is there, after `finish`. Absent where a place has no room for them. */
  readonly refer?: (subject: Digest, referrer: Descriptor) => Promise<void>;
  /** After everything. */
  readonly close?: () => Promise<void>;
}

export interface TargetOptions {
  readonly flags: RemoteFlags;
  readonly onTransfer: OnTransfer;
  readonly from: Place;
  /** Several images come, not one. */
  readonly isList: boolean;
  /** Told when another copy writes to the place, whose end is waited for. */
  readonly onWait: () => void;
}

export async function openTarget(context: Context, place: Place, { flags, onTransfer, from, isList, onWait }: TargetOptions): Promise<CopyTarget> {
  switch (place.kind) {
    case "docker": {
      const mountable = mountableFrom(from, place);
      const pushing = async <T>(run: () => Promise<T>): Promise<T> => await asked("push", place.reference, run);
      const opened = await pushing(async () => await openReference(context, place.reference, flags, () => ({ onTransfer, mountFrom: () => mountable })));
      const { repository } = opened;
      return {
        content: {
          has: async (descriptor) => await pushing(async () => await repository.has(descriptor)),
          push: async (descriptor, content) => await pushing(async () => await repository.push(descriptor, content)),
        },
        finish: async (top, bytes) => await pushing(async () => await repository.tag(opened.target, { descriptor: top, bytes })),
        refer: async () => {}, // its manifest says it
        [Symbol.asyncDispose]: async () => await opened[Symbol.asyncDispose](),
      };
    }
    case "store": {
      const store = await context.store();
      const [{ addReferrer }, { openArrival }] = await Promise.all([import("../../store/image/referrers.ts"), import("../../store/care/arrival.ts")]);
      const arrival = openArrival(store);
      return {
        content: arrival.sink,
        async finish(top) {
          await arrival.confirm();
          await store.images.tag(parseReference(place.reference).name, top);
        },
        refer: async (subject, referrer) => await addReferrer(store, subject, referrer),
        [Symbol.asyncDispose]: async () => await arrival[Symbol.asyncDispose](),
      };
    }
    case "oci":
      return {
        ...held(await openLayoutSink(place.path), async (top) => await nameInLayout(place.path, place.name, top)),
        refer: async (_, referrer) => await noteInLayout(place.path, referrer),
      };
    case "dir": {
      const sink = await openDirSink(place.path, { signal: context.signal, onWait });
      return { ...held(sink.content, sink.finish), [Symbol.asyncDispose]: async () => sink[Symbol.dispose]() };
    }
    case "oci-archive":
    case "docker-archive":
      if (place.kind === "docker-archive") checkDockerArchive(place.path, isList);
      return await openArchive(context, place);
  }
}

/** The repository that is copied from, when it is another one of the same registry. */
function mountableFrom(from: Place, to: Extract<Place, { kind: "docker" }>): string | undefined {
  if (from.kind !== "docker") return undefined;
  const [source, target] = [parseReference(from.reference), parseReference(to.reference)];
  return source.domain === target.domain && source.path !== target.path ? source.path : undefined;
}

/** As skopeo: it holds one image, and others may be in one that is there. @throws {StoreError} `UNSUPPORTED`, `FILE_FOREIGN` */
function checkDockerArchive(path: string, isList: boolean): void {
  if (isList)
    throw new StoreError("UNSUPPORTED", `Cannot write docker-archive:${path}: it has no room for a list of images`, {
      hint: "Leave out -a for this machine's image, name one with --platform OS/ARCHITECTURE, or write an oci-archive:",
    });
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true && found.size > 0)
    throw new StoreError("FILE_FOREIGN", `Cannot write docker-archive:${path}: it is there already, and other images may be in it`, {
      hint: "Name a file that is not there yet, or remove it first",
    });
}

/** Gathered in the store first: a tar needs every size before its first byte. */
async function openArchive(context: Context, { kind, path, name }: ArchivePlace): Promise<CopyTarget> {
  const store = await context.store();
  const [{ saveImages }, { openArrival }] = await Promise.all([import("../../store/archive/save.ts"), import("../../store/care/arrival.ts")]);
  const arrival = openArrival(store);
  const referrers = new Map<Digest, Descriptor[]>();
  const isName = name !== undefined && (kind === "docker-archive" || /[:/]/.test(name)); // else it is what the layout calls it
  const naming = { name: isName ? parseReference(name).name : undefined, reference: kind === "oci-archive" ? name : undefined };
  let image: SavedImage | undefined;
  return {
    content: arrival.sink,
    finish: async (target) => void (image = { ...naming, target }),
    [Symbol.asyncDispose]: async () => await arrival[Symbol.asyncDispose](),
    refer: async (subject, referrer) => void referrers.set(subject, [...(referrers.get(subject) ?? []), referrer]),
    close: async () => {
      if (image === undefined) return;
      const archive = saveImages(store.blobs, [image], (subject) => referrers.get(subject) ?? []);
      await writeWholeFile(path, archive, context.signal);
    },
  };
}

function held(content: ContentSink, finish: CopyTarget["finish"]): CopyTarget {
  return { content, finish, [Symbol.asyncDispose]: async () => {} };
}
