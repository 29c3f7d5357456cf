/** A root with the small image of tools in its store, for the tests of a file that run the real command; nothing may be left of them. */
import { afterAll, beforeAll, expect } from "vitest";
import { openStore } from "../../store/open.ts";
import { settled } from "../support/cluster.ts";
import { testImage, type TestImageOptions } from "../support/image.ts";
import { leftovers } from "../support/leftovers.ts";
import { live } from "../support/opened.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";

export function rootWithImage(options?: TestImageOptions): TemporaryRoot {
  let root: TemporaryRoot | undefined;
  beforeAll(async () => {
    root = temporaryRoot();
    await using store = await openStore({ root: root.root, treeTool });
    await testImage(store, options);
  });
  afterAll(async () => {
    if (root === undefined) return;
    const of = root;
    const left = await settled(() => leftovers(of));
    root[Symbol.dispose]();
    expect(left).toEqual([]);
  });
  return live(() => root);
}
