/** `registry check` names whatever is broken, and nothing else; the collection lets go of nothing while it cannot read. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import { storeStorage } from "../../registry/storage.ts";
import { listenRegistry } from "../../registry/server/listen.ts";
import { holdManifest } from "../../registry/server/hold-manifest.ts";
import type { Parts } from "../../registry/server/parts.ts";
import { openRepositories, type Repositories } from "../../registry/server/repositories.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { blob, manifestOf, noise, pushBlob, pushImage, putManifest, unknownDigest, type TestBlob } from "./registry.ts";

const config = blob("{}", MEDIA_TYPE.config);
let root: TemporaryRoot;
let image: TestBlob;
let referrer: TestBlob;
const layer = blob(noise(2_000)).descriptor.digest; // as `pushImage` has it

beforeEach(async () => {
  root = temporaryRoot();
  await using store = await openStore({ root: root.root, treeTool });
  const listener = await listenRegistry({ storage: storeStorage(store), host: "127.0.0.1", port: 0, log: () => {} });
  image = await pushImage(listener, "team/app", "v1");
  await pushImage(listener, "team/whole", "v1", { annotations: { is: "whole" } });
  referrer = manifestOf(config, [], { subject: image.descriptor, artifactType: "application/x.sbom" });
  await pushBlob(listener, "team/app", config);
  expect((await putManifest(listener, "team/app", referrer.descriptor.digest, referrer)).status).toBe(201);
  await listener.close(0);
});
afterEach(() => root[Symbol.dispose]());

type Harm = (store: Store) => void | Promise<unknown>;
const unlink =
  (table: string, key: () => string): Harm =>
  async (store) =>
    await store.table(table).remove(key());

const damages: readonly { readonly name: string; readonly harm: Harm; readonly flags?: readonly string[]; readonly says: () => readonly string[] }[] = [
  { name: "nothing", harm: () => {}, flags: ["--deep"], says: () => [] },
  {
    name: "a blob that was cut short",
    harm: (store) => truncateSync(store.blobs.path(layer), 1_999),
    says: () => ["team/app", "team/whole"].map((name) => `${name} ${layer}: wrong size: 1999 bytes where 2000 were stored`),
  },
  { name: "a flipped byte, looked at from afar", harm: (store) => flip(store.blobs.path(layer)), says: () => [] },
  {
    name: "a flipped byte",
    harm: (store) => flip(store.blobs.path(layer)),
    flags: ["--deep"],
    says: () => ["team/app", "team/whole"].map((name) => `${name} ${layer}: wrong content`),
  },
  {
    name: "a link to a blob without a file",
    harm: (store) => rmSync(store.blobs.path(layer)),
    says: () => ["team/app", "team/whole"].map((name) => `${name} ${layer}: missing`),
  },
  {
    name: "a blob that lost its link",
    harm: unlink("registry.blobs", () => `team/app@${layer}`),
    says: () => [`team/app ${image.descriptor.digest}: needs ${layer}, which is not linked here`],
  },
  {
    name: "a tag of a manifest that is gone",
    harm: async (store) => {
      await store.table("registry.referrers").remove(`team/app@${image.descriptor.digest}@${referrer.descriptor.digest}`);
      await store.table("registry.manifests").remove(`team/app@${image.descriptor.digest}`);
    },
    says: () => [`team/app v1: tag of a missing manifest, ${image.descriptor.digest}`],
  },
  {
    name: "a referrer without its manifest",
    harm: unlink("registry.manifests", () => `team/app@${referrer.descriptor.digest}`),
    says: () => [`team/app ${referrer.descriptor.digest}: missing, but listed as a referrer of ${image.descriptor.digest}`],
  },
  {
    name: "a referrer without its file",
    harm: (store) => rmSync(store.blobs.path(referrer.descriptor.digest)),
    says: () => [`team/app ${referrer.descriptor.digest}: missing`],
  },
  {
    name: "a manifest of other bytes",
    harm: (store) => writeFileSync(store.blobs.path(image.descriptor.digest), "x".repeat(image.bytes.length)),
    says: () => [`team/app ${image.descriptor.digest}: not a manifest that can be read`],
  },
];

test.each(damages)("check names $name", async ({ harm, flags = [], says }) => {
  {
    await using store = await openStore({ root: root.root, treeTool });
    await harm(store);
  }
  const { status, stdout } = await runStrata(root, ["registry", "check", ...flags]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  expect([lines.length, status]).toEqual([says().length, says().length === 0 ? 0 : 1]);
  for (const line of says()) expect(lines).toContainEqual(expect.stringContaining(line));
});

test("gc lets go of nothing of a repository whose manifest it cannot read", async () => {
  {
    await using store = await openStore({ root: root.root, treeTool });
    rmSync(store.blobs.path(image.descriptor.digest));
  }
  const { status, stdout, stderr } = await runStrata(root, ["registry", "gc", "--grace", "0", "--untagged"]);
  expect([status, stdout, stderr]).toEqual([1, "", expect.stringMatching(/Cannot collect team\/app: .*cannot be read[^]*registry check/)]);
});

test("gc spares what a push has come to rely on since it looked", async () => {
  await using store = await openStore({ root: root.root, treeTool });
  const repositories = openRepositories(storeStorage(store));
  const loose = blob(noise(10, 9)).descriptor.digest;
  await store.table("registry.blobs").put(`team/app@${loose}`, { size: 10, linkedAt: 1 });
  expect(await repositories.renewBlob("team/app", loose)).toBe(true);
  expect(await repositories.releaseBlob("team/app", loose, Date.now() - 1_000)).toBe(false);
  expect(await repositories.renewBlob("team/app", unknownDigest())).toBe(false);
  await store.table("registry.manifests").put(`team/app@${loose}`, { mediaType: "x/y", size: 10, pushedAt: 1 });
  expect(await repositories.renewManifest("team/app", loose)).toBe(true);
  expect(await repositories.releaseManifest("team/app", loose, Date.now() - 1_000)).toBe(false);
  expect(await repositories.releaseManifest("team/app", loose, Date.now() + 1)).toBe(true);
});

test.each([
  { name: "with its blobs and the manifest itself", takes: (): boolean => true, lost: 0 },
  { name: "with blobs whose files went, too", takes: (): boolean => false, lost: 2 },
])("a push that a collection of no grace gets between is held: $name", async ({ takes: keepsFiles, lost }) => {
  await using store = await openStore({ root: root.root, treeTool });
  const storage = storeStorage(store);
  const repositories = openRepositories(storage);
  const { blobs, subject } = { blobs: [layer, config.descriptor.digest].map((digest) => ({ digest, size: 1, data: undefined })), subject: undefined };
  let passes = 0;
  const setTag: Repositories["setTag"] = async (...tag) => {
    await repositories.setTag(...tag);
    if (passes++ > 0) return;
    for (const { digest } of blobs) {
      expect(await repositories.releaseBlob("team/app", digest, Date.now() + 1)).toBe(true);
      if (!keepsFiles()) rmSync(store.blobs.path(digest));
    }
    expect(await repositories.releaseManifest("team/app", image.descriptor.digest, Date.now() + 1)).toBe(true);
  };
  const parts = { ...repositories, blobs: storage.blobs, repositories: { ...repositories, setTag } } as unknown as Parts;
  const missing = await holdManifest(parts, "team/app", { descriptor: image.descriptor, subject, tags: ["v9"], blobs, manifests: [] });
  expect([missing.length, passes]).toEqual([lost, 2]);
  expect((await repositories.manifest("team/app", image.descriptor.digest)) === undefined).toBe(false);
  expect(await Promise.all(blobs.map(async ({ digest }) => (await repositories.blob("team/app", digest)) === undefined))).toEqual([lost > 0, lost > 0]);
});

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
