/** Which image each name stands for: one that was pushed and pulled again has another manifest, and is the same image all the same. */
import type { Digest } from "../../store/digest.ts";
import type { Store } from "../../store/store.ts";
import { readAny } from "./read-any.ts";

/** Without names whose image is not here. */
export async function idsByName(store: Pick<Store, "blobs" | "images">): Promise<ReadonlyMap<string, Digest>> {
  const ids = new Map<string, Digest>();
  for (const record of await store.images.list()) {
    const image = record.name === undefined ? undefined : await readAny(store, record).catch(() => undefined);
    if (image !== undefined) ids.set(record.name!, image.id);
  }
  return ids;
}
