/** A collection between the two steps of a delete takes the manifest first: it is deleted all the same. */
import { expect, test } from "vitest";
import { openRepositories, type Repositories } from "../../registry/server/repositories.ts";
import { storeStorage, type Records, type Storage } from "../../registry/storage.ts";
import { openStore } from "../../store/open.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { manifestOf, blob } from "./registry.ts";

test("a manifest that a collection takes once its tags are gone was there", async () => {
  using root = temporaryRoot();
  await using store = await openStore({ root: root.root, treeTool });
  const real = storeStorage(store);
  const { descriptor } = manifestOf(blob("{}"), []);
  let collected = false;
  const collecting = <Value>(records: Records<Value>): Records<Value> => ({
    get: (key) => records.get(key),
    list: (prefix, wanted) => records.list(prefix, wanted),
    keys: (prefix, wanted) => records.keys(prefix, wanted),
    put: async (key, value) => await records.put(key, value),
    remove: async (key) => await records.remove(key),
    async update(key, change): Promise<Value | undefined> {
      const now = await records.update(key, change);
      if (now === undefined) collected = await repositories.releaseManifest("app", descriptor.digest, Date.now() + 1_000);
      return now;
    },
  });
  const storage: Storage = {
    ...real,
    table: <Value>(name: string) => (name === "registry.tags" ? collecting(real.table<Value>(name)) : real.table<Value>(name)),
  };
  const repositories: Repositories = openRepositories(storage);
  await repositories.linkManifest("app", descriptor, undefined);
  await repositories.setTag("app", "v1", descriptor.digest);
  expect([await repositories.unlinkManifest("app", descriptor.digest), collected]).toEqual([true, true]);
  expect([await repositories.manifest("app", descriptor.digest), await repositories.unlinkManifest("app", descriptor.digest)]).toEqual([undefined, false]);
});
