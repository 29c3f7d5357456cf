/** Quotas beside other servers on the same store. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { linkWithin } from "../../registry/server/quota.ts";
import { openRoom } from "../../registry/server/quota-room.ts";
import type { Lease } from "../../registry/server/quota-lease.ts";
import { openRepositories, type Repositories } from "../../registry/server/repositories.ts";
import { storeStorage, type Records } from "../../registry/storage.ts";
import type { Digest } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
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

const server = (): ReturnType<typeof linkWithin> => {
  const room = openRoom({ repositories, quotaOf: async () => await Promise.resolve(1_000), manifests: store.blobs });
  return linkWithin({ repositories, room, leases });
};

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

const MANIFEST = { mediaType: MEDIA_TYPE.manifest };

/** Of these sizes; gives their digests. */
async function hold(...sizes: readonly number[]): Promise<readonly Digest[]> {
  const digests = sizes.map((size) => unknownDigest(`held ${size}`));
  for (const [at, digest] of digests.entries()) await repositories.linkBlob("app", digest, sizes[at]!);
  return digests;
}

test.each([
  {
    name: "of no image yet",
    of: [],
    says: "it holds 700B of the 1kB that it may, 700B of it of no image yet or any more, which strata registry gc lets go of after an hour",
  },
  { name: "partly of one", of: [0], says: "it holds 750B of the 1kB that it may, 300B of it of no image yet" },
  { name: "all of images", of: [0, 1], says: "it holds 750B of the 1kB that it may" },
])("who is refused is told how much is $name", async ({ of, says }) => {
  const held = await hold(400, 300);
  if (of.length > 0) {
    const text = JSON.stringify({ layers: of.map((at) => ({ digest: held[at] })) });
    const { digest } = await store.blobs.put(text);
    await repositories.linkManifest("app", { ...MANIFEST, digest, size: 50 }, undefined);
  }
  const refused = server().linkBlob("app", unknownDigest("more"), 400);
  await expect(refused).rejects.toMatchObject({
    code: "DENIED",
    message: expect.stringMatching(`^Cannot store 400B in app: ${says}${of.length === 1 ? ".*" : "$"}`) as unknown,
  });
});

test("a manifest that cannot be read keeps nobody from being refused", async () => {
  await hold(900);
  await repositories.linkManifest("app", { ...MANIFEST, digest: unknownDigest("lost"), size: 10 }, undefined);
  await expect(server().linkBlob("app", unknownDigest("more"), 400)).rejects.toMatchObject({
    message: expect.stringMatching(/it holds 910B of the 1kB that it may$/) as unknown,
  });
});
