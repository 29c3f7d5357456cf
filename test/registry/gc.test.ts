/** What `registry gc` frees beside a server that runs, and what is spared for the sake of whoever is at work. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openAtWork } from "../../registry/server/at-work.ts";
import { collect, type Dropped } from "../../registry/server/collect.ts";
import { openRepositories, type ManifestLink, type Repositories } from "../../registry/server/repositories.ts";
import { storeStorage, type Content, type Records } from "../../registry/storage.ts";
import { digestOf, type Digest } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { openStore } from "../../store/open.ts";
import { runStrata, serveStrata, strataOutput } from "../support/cli.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { blob, manifestOf, noise, pushBlob, putManifest } from "./registry.ts";

const READY = /listening on (127\.0\.0\.1:\d+)/;
const [config, layer] = [blob("{}"), blob(noise(2 << 20))];

test("what was deleted frees the disk while the server that took it runs, and leaves no empty repository", async () => {
  using root = temporaryRoot();
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none"], READY);
  const registry = { url: `http://${server.match[1]}` };
  for (const name of ["team/gone", "team/stays"]) {
    for (const part of name === "team/gone" ? [config, layer] : [config]) await pushBlob(registry, name, part);
    expect((await putManifest(registry, name, "v1", manifestOf(config, name === "team/gone" ? [layer] : []))).status).toBe(201);
  }
  await strataOutput(root, "registry", "delete", `${server.match[1]}/team/gone:v1`);
  const file = (digest: Digest): string => join(root.root, "blobs", digest.replace(":", "/"));
  expect([existsSync(file(layer.descriptor.digest)), existsSync(file(config.descriptor.digest))]).toEqual([true, true]);
  let said = "";
  await expect
    .poll(
      async () => {
        said += (await runStrata(root, ["registry", "gc", "--untagged", "--grace", "0"])).stderr;
        return existsSync(file(layer.descriptor.digest));
      },
      { interval: 500, timeout: 30_000 },
    )
    .toBe(false);
  expect(said).toMatch(/^Let go of 2\.1MB, freed .*\n/);
  expect(said).toMatch(/freed 2\.1MB(?:: .*)?\n$/);
  expect(existsSync(file(config.descriptor.digest))).toBe(true);
  expect(await strataOutput(root, "registry", "ls", server.match[1] ?? "")).toBe("team/stays");
  expect((await fetch(`${registry.url}/v2/team/stays/blobs/${config.descriptor.digest}`)).status).toBe(200);
});

test("a storage rests when the last who was at work has been away for a while, not before", async () => {
  let rests = 0;
  using atWork = openAtWork({ rest: () => rests++ });
  const [one, other] = [atWork.begin(), atWork.begin()];
  one[Symbol.dispose]();
  await new Promise((resolve) => void setTimeout(resolve, 2_500));
  expect(rests).toBe(0);
  other[Symbol.dispose]();
  atWork.begin()[Symbol.dispose]();
  expect(rests).toBe(0);
  await expect.poll(() => rests, { timeout: 10_000 }).toBe(1);
});

test("a name that is left while somebody links into its repository is there afterwards", async () => {
  using root = temporaryRoot();
  await using store = await openStore({ root: root.root, treeTool });
  const real = storeStorage(store);
  let between = async (): Promise<void> => {};
  const table = <Value>(name: string): Records<Value> => {
    const records = real.table<Value>(name);
    if (name !== "registry.blobs") return records;
    return {
      get: (key) => records.get(key),
      list: (prefix, page) => records.list(prefix, page),
      keys: (prefix, page) => records.keys(prefix, page),
      update: async (key, change) => await records.update(key, change),
      remove: async (key) => await records.remove(key),
      async put(key, value): Promise<void> {
        await between();
        await records.put(key, value);
      },
    };
  };
  const repositories = openRepositories({ ...real, table });
  await repositories.linkBlob("app", layer.descriptor.digest, layer.descriptor.size);
  expect(await repositories.leave("app", Date.now() + 1_000)).toBe(false);
  await repositories.unlinkBlob("app", layer.descriptor.digest);
  expect(await repositories.leave("app", 0)).toBe(false);
  between = async () => expect(await repositories.leave("app", Date.now() + 1_000)).toBe(true);
  await repositories.linkBlob("app", layer.descriptor.digest, layer.descriptor.size);
  expect(await repositories.names()).toEqual(["app"]);
});

test("referrers are looked up, not looked for: many manifests are as many looks", async () => {
  const count = 2_000;
  let looks = 0;
  const digests = Array.from({ length: count }, (_, at) => digestOf(String(at)));
  const manifests = digests.map((digest, at): readonly [Digest, ManifestLink] => [
    digest,
    {
      mediaType: MEDIA_TYPE.manifest,
      size: 2,
      pushedAt: 0,
      get subject() {
        looks++;
        return digests[at - 1 < 1_000 ? at - 1 : count]!; // a chain of a thousand; what is behind refers to nothing that is there
      },
    },
  ]);
  const repositories = {
    names: async () => ["app"],
    manifests: async () => manifests,
    blobs: async () => [],
    tags: async () => ["v1"],
    tag: () => digests[0],
  } as Partial<Repositories> as Repositories;
  const blobs = { read: async () => Buffer.from("{}") } as Partial<Content> as Content;
  const dropped: Dropped[] = [];
  for await (const one of collect(repositories, blobs, { graceMs: 0, untagged: true, dryRun: true, now: 1 })) dropped.push(one);
  expect([dropped.length, looks <= 2 * count]).toEqual([count - 1_001, true]);
});
