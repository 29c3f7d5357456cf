/** Quotas beside other servers on the same store. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { linkWithin } from "../../registry/server/quota.ts";
import type { Lease } from "../../registry/server/quota-lease.ts";
import { openRepositories, type Repositories } from "../../registry/server/repositories.ts";
import { storeStorage, type Records } from "../../registry/storage.ts";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { unknownDigest } from "./registry.ts";

let root: TemporaryRoot;
let store: Store;
let repositories: Repositories;
let leases: Records<Lease>;

beforeEach(async () => {
  root = temporaryRoot();
  store = await openStore({ root: root.root, treeTool });
  const storage = storeStorage(store);
  const real = openRepositories(storage);
  const slowly = async (name: string): ReturnType<Repositories["blobs"]> => {
    const held = await real.blobs(name);
    await sleep(20);
    return held;
  };
  repositories = { ...real, blobs: slowly };
  leases = storage.table("registry.leases");
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

const server = (): ReturnType<typeof linkWithin> => linkWithin(repositories, async () => await Promise.resolve(1_000), leases);

test("of many pushes to two servers only as many are taken as there is room for", async () => {
  const servers = [server(), server()];
  const pushes = Array.from({ length: 12 }, async (_, at) => await servers[at % 2]!.linkBlob("app", unknownDigest(String(at)), 300));
  const outcomes = await Promise.allSettled(pushes);
  expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBe(3);
  expect((await repositories.blobs("app")).length).toBe(3);
  expect(leases.keys("")).toEqual([]);
});

test("a server that was killed while it linked keeps nobody waiting for long", async () => {
  await leases.put("app", { holder: "gone", until: Date.now() + 100 });
  await server().linkBlob("app", unknownDigest(), 400);
  expect((await repositories.blobs("app")).length).toBe(1);
});
