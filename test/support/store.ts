/** A store of its own for each test, on a throw-away root. */
import { afterEach, beforeEach } from "vitest";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { live } from "./opened.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "./root.ts";

export function storeOfEachTest(): { readonly place: TemporaryRoot; readonly store: Store } {
  let place: TemporaryRoot | undefined;
  let store: Store | undefined;
  beforeEach(async () => {
    place = temporaryRoot();
    store = await openStore({ root: place.root, treeTool });
  });
  afterEach(async () => {
    await store?.[Symbol.asyncDispose]();
    place?.[Symbol.dispose]();
    place = store = undefined;
  });
  return { place: live(() => place), store: live(() => store) };
}
