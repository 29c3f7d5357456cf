/** What a user may call an image: a name, a digest, an id or the beginning of one. Names win, as in docker. */
import { isDigest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { parseReference, type Reference } from "../reference.ts";
import type { ImageRecord } from "../store.ts";
import type { Table } from "../tables.ts";
import { recordOf, type StoredImage } from "./record.ts";

const MIN_PREFIX = 3;

/** @throws {StoreError} `IMAGE_AMBIGUOUS` */
export function findImage(table: Table<StoredImage>, text: string): ImageRecord | undefined {
  if (isDigest(text)) return firstOf(table, (image) => image.target.digest === text || image.ids.includes(text));
  const reference = tryParse(text);
  if (reference?.digest !== undefined) return byDigest(table, reference);
  const named = reference === undefined ? undefined : table.get(reference.name);
  if (named !== undefined) return recordOf([reference!.name, named]);
  return byPrefix(table, text.startsWith("sha256:") ? text.slice("sha256:".length) : text);
}

function byDigest(table: Table<StoredImage>, reference: Reference): ImageRecord | undefined {
  const repository = `${reference.domain}/${reference.path}`;
  const matching = table.list().filter(([, { target, ids }]) => target.digest === reference.digest || ids.includes(reference.digest!));
  const own = matching.find(([key]) => key.startsWith(`${repository}:`) || key.startsWith(`${repository}@`)) ?? matching[0];
  return own === undefined ? undefined : recordOf(own);
}

function byPrefix(table: Table<StoredImage>, prefix: string): ImageRecord | undefined {
  if (prefix.length < MIN_PREFIX || !/^[0-9a-f]+$/.test(prefix)) return undefined;
  const starts = `sha256:${prefix}`;
  const ids = new Set(
    table
      .list()
      .flatMap(([, { target, ids: own }]) => [
        ...own.filter((id) => id.startsWith(starts)),
        ...(own.length === 0 && target.digest.startsWith(starts) ? [target.digest] : []),
      ]),
  );
  if (ids.size > 1) throw new StoreError("IMAGE_AMBIGUOUS", `Cannot find image ${prefix}: ${ids.size} ids begin with it`);
  const [id] = ids;
  return id === undefined ? undefined : firstOf(table, (image) => image.ids.includes(id) || image.target.digest === id);
}

/** A named record before an unnamed one. */
function firstOf(table: Table<StoredImage>, test: (image: StoredImage) => boolean): ImageRecord | undefined {
  const matching = table.list().filter(([, image]) => test(image));
  const best = matching.find(([key]) => !key.startsWith("@")) ?? matching[0];
  return best === undefined ? undefined : recordOf(best);
}

function tryParse(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
