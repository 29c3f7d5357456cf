/** Removing an image as docker does: by a name only that name goes, by an id all of them. */
import { StoreError } from "../errors.ts";
import { parseReference } from "../reference.ts";
import type { RemovedImage } from "../store.ts";
import type { Table } from "../tables.ts";
import { findImage } from "./find.ts";
import type { StoredImage } from "./record.ts";

/** @throws {StoreError} `IMAGE_UNKNOWN`, `IMAGE_AMBIGUOUS`, `IMAGE_IN_USE` */
export async function removeImage(table: Table<StoredImage>, reference: string, force: boolean): Promise<RemovedImage> {
  const found = findImage(table, reference);
  if (found === undefined) throw new StoreError("IMAGE_UNKNOWN", `Cannot remove image ${reference}: it is not in the store`);
  const same = table.list().filter(([, { target }]) => target.digest === found.target.digest);
  const byName = isNamed(reference, found.name);
  const going = byName ? same.filter(([key]) => key === found.name) : same;
  if (!byName && same.length > 1 && !force) {
    throw new StoreError("IMAGE_IN_USE", `Cannot remove image ${reference}: ${same.length} names stand for it`, { hint: "Remove it by name, or use --force" });
  }
  await Promise.all(going.map(async ([key]) => await table.remove(key)));
  const untagged = going.flatMap(([key]) => (key.startsWith("@") ? [] : [key]));
  const id = same[0]?.[1].ids[0] ?? found.target.digest;
  return { id, untagged, deleted: going.length < same.length ? undefined : id };
}

function isNamed(reference: string, name: string | undefined): boolean {
  try {
    return name !== undefined && parseReference(reference).name === name;
  } catch {
    return false;
  }
}
