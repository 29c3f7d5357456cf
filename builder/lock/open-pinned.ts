/** A base image by its pin: the very digest, whatever its tag points at by now; without a network when it is here. */
import { StoreError } from "../../store/errors.ts";
import { parseReference, repositoryOf, type Reference } from "../../store/reference.ts";
import type { Image } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";
import type { ImageOrigin } from "../plan/graph.ts";
import type { Pins } from "./pins.ts";
import type { Collaborators } from "../request.ts";

/** `openUsual` opens it as a build without a lock file does. @throws {BuilderError} `LOCK_BROKEN` */
export async function openPinned(origin: ImageOrigin, pins: Pins, collaborators: Collaborators, openUsual: () => Promise<Image>): Promise<Image> {
  const reference = tryParse(origin.reference);
  if (reference === undefined || reference.digest !== undefined) return await openUsual(); // an id, or fixed already
  const pinned = pins.find("images", reference.name);
  const image = pinned === undefined ? await openUsual() : await openExact(origin, `${repositoryOf(reference)}@${pinned}`, pinned, pins, collaborators);
  pins.record("images", reference.name, pinned ?? image.target.digest);
  return image;
}

async function openExact(origin: ImageOrigin, exact: string, pinned: string, pins: Pins, { store, puller, signal }: Collaborators): Promise<Image> {
  const { reference, platform } = origin;
  try {
    return await store.images.open(exact, platform);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const fail = (cause: unknown): BuilderError =>
      new BuilderError(
        "LOCK_BROKEN",
        `Cannot use image ${reference}: ${pins.file} pins it to ${pinned}: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          cause,
          hint: "If it is gone for good, --lock-update pins what the name is now",
        },
      );
    if (puller === undefined) throw fail(error);
    const options = { platform, refresh: false, ...(signal === undefined ? {} : { signal }) };
    return await puller.pull(exact, options).then(
      async (descriptor) => await store.images.read(descriptor, platform),
      (cause: unknown) => {
        throw fail(cause);
      },
    );
  }
}

function tryParse(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
