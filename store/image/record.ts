/** An image as the database keeps it, under its name or, when it has none, `@` and its digest. */
import type { Digest } from "../digest.ts";
import type { ImageRecord } from "../store.ts";

/** What is said of images: descriptors by `<subject>@<referrer>`. See referrers.ts. */
export const REFERRERS_TABLE = "store.referrers";

/** As it is stored: with the ids that the target may be asked for by. */
export interface StoredImage extends Omit<ImageRecord, "name"> {
  /** Config digests of every platform that is here. */
  readonly ids: readonly Digest[];
}

/** Key of an image that has no name. */
export function unnamedKey(digest: Digest): string {
  return `@${digest}`;
}

export function recordOf([key, { target, storedAt }]: readonly [string, StoredImage]): ImageRecord {
  return { name: key.startsWith("@") ? undefined : key, target, storedAt };
}
