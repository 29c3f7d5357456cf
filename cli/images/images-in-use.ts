/** Ids of images that containers were made of. */
import type { Digest } from "../../store/digest.ts";
import type { Store } from "../../store/store.ts";

export function imagesInUse(store: Pick<Store, "table">): ReadonlySet<Digest> {
  return new Set(
    store
      .table<{ readonly imageID: Digest }>("runtime.containers")
      .list()
      .map(([, { imageID }]) => imageID),
  );
}
