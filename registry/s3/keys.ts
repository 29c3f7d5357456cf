/** Where things are in the bucket, below its prefix. */
import { algorithmOf, encodedOf, isDigest, type Digest } from "../../store/digest.ts";

export const BLOBS = "blobs/";
export const UPLOADS = "uploads/";
export const RECORDS = "records/";
/** Blobs that a collection is about to remove. */
export const MARKS = "sweep/";

export function blobKey(digest: Digest): string {
  return `${BLOBS}${algorithmOf(digest)}/${encodedOf(digest)}`;
}

/** Where marks on a blob are. */
export function markPlace(digest: Digest): string {
  return `${MARKS}${algorithmOf(digest)}/${encodedOf(digest)}`;
}

/** The digest that a key of a blob is of. */
export function digestOfKey(key: string): Digest | undefined {
  const text = key.split("/").slice(-2).join(":");
  return isDigest(text) ? text : undefined;
}

/** With the slash: everything of an upload is below. */
export function uploadPrefix(id: string): string {
  return `${UPLOADS}${id}/`;
}

export function tablePrefix(table: string): string {
  return `${RECORDS}${table}/`;
}
