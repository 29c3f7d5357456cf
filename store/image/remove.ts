/** Removing an image as docker does: by a name only that name goes, by an id all of them, by a manifest's digest those of that manifest; with the last name also what has none. */
import type { Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { isNameFor } from "../reference.ts";
import type { RemovedImage } from "../store.ts";
import type { Table } from "../tables.ts";
import { findImage } from "./find.ts";
import type { StoredImage } from "./record.ts";

/** @throws {StoreError} `IMAGE_UNKNOWN`, `IMAGE_AMBIGUOUS`, `IMAGE_IN_USE` */
export async function removeImage(table: Table<StoredImage>, reference: string, force: boolean): Promise<RemovedImage> {
  const found = findImage(table, reference);
  if (found === undefined) throw new StoreError("IMAGE_UNKNOWN", `No such image: ${reference}`);
  const same = recordsOf(table, found.target.digest);
  const meant = reference === found.target.digest ? same.filter(([, { target }]) => target.digest === reference) : same;
  const names = meant.filter(([key]) => !key.startsWith("@")).length;
  const byName = isNameFor(reference, found.name);
  const going = byName && names > 1 ? meant.filter(([key]) => key === found.name) : meant;
  if (!byName && names > 1 && !force) {
    throw new StoreError("IMAGE_IN_USE", `Cannot remove image ${reference}: ${names} names stand for it`, { hint: "Remove it by name, or use --force" });
  }
  await Promise.all(going.map(async ([key]) => await table.remove(key)));
  const untagged = going.flatMap(([key]) => (key.startsWith("@") ? [] : [key]));
  const id = same[0]?.[1].ids[0] ?? found.target.digest;
  return { id, untagged, deleted: going.length < same.length ? undefined : id };
}

/** Of the same image, whose manifest is another where it was packed in another way. */
function recordsOf(table: Table<StoredImage>, target: Digest): readonly (readonly [string, StoredImage])[] {
  const all = table.list();
  const ids = new Set(all.flatMap(([, image]) => (image.target.digest === target ? image.ids : [])));
  return all.filter(([, image]) => image.target.digest === target || image.ids.some((id) => ids.has(id)));
}
