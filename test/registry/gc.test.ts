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
import { blob, manifestOf, noise, pushBlob, putManifest, unknownDigest } from "./registry.ts";

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
  const dry = await runStrata(root, ["registry", "gc", "--untagged", "--grace", "0", "--dry-run"]);
  expect(dry.stderr).toMatch(/^Would let go of 2\.1MB in the repositories, and free (?:2\.1MB|0B) on disk/);
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
  expect(said).toMatch(/^Let go of 2\.1MB in the repositories, freed .*\n/);
  expect(said).toMatch(/freed 2\.1MB on disk(?:[:,] .*)?\n$/);
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

test("a dry run tells what would be freed: what others hold stays, what nothing holds goes", async () => {
  using root = temporaryRoot();
  {
    await using store = await openStore({ root: root.root, treeTool });
    const repositories = openRepositories(storeStorage(store));
    const [gone, shared, loose] = await Promise.all([1, 2, 4].map(async (size) => await store.blobs.put(noise(size << 20, size))));
    const manifest = await store.blobs.put(JSON.stringify({ layers: [{ digest: shared!.digest }] }));
    for (const { digest, size } of [gone!, shared!]) await repositories.linkBlob("app", digest, size);
    await repositories.linkBlob("other", shared!.digest, shared!.size);
    await repositories.linkManifest("other", { ...manifest, mediaType: MEDIA_TYPE.manifest }, loose!.digest);
    await repositories.setTag("other", "v1", manifest.digest);
    const untagged = await store.blobs.put(JSON.stringify({ subject: { digest: unknownDigest() } }));
    await repositories.linkManifest("app", { ...untagged, mediaType: MEDIA_TYPE.manifest }, unknownDigest());
    await store.blobs.put(noise(8 << 20, 8));
  }
  const collectAll = async (...more: readonly string[]): Promise<string> =>
    (await runStrata(root, ["registry", "gc", "--grace", "0", "--untagged", ...more])).stderr;
  const figures = /of (\S+) in the repositories, (?:and free|freed) (\S+) on disk/;
  const told = figures.exec(await collectAll("--dry-run"))?.slice(1);
  expect(told).toEqual(["3.15MB", "9.44MB"]);
  expect(figures.exec(await collectAll())?.slice(1)).toEqual(told);
  expect(await collectAll("--dry-run")).toBe("Would let go of 0B in the repositories, and free 0B on disk\n");
});

test("uploads that were left are told, and removed when nobody went on with them; one that a request works on stays", async () => {
  using root = temporaryRoot();
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none"], READY);
  const url = `http://${server.match[1]}`;
  const begin = async (): Promise<string> => url + (await fetch(`${url}/v2/app/blobs/uploads/`, { method: "POST" })).headers.get("location");
  const [left, busy] = [await begin(), await begin()];
  for (const location of [left, busy]) await fetch(location, { method: "PATCH", body: new Uint8Array(noise(1 << 20)) });
  const care = async (...flags: readonly string[]): Promise<readonly string[]> => {
    const { stdout, stderr } = await runStrata(root, ["registry", "gc", ...flags]);
    return [...stdout.split("\n"), ...stderr.split("\n")].filter((line) => /upload/.test(line));
  };
  const advice = "--upload-timeout SECONDS removes those that nobody went on with for so long";
  expect(await care()).toEqual([`2 unfinished uploads hold 2.1MB: ${advice}`]);
  let more = (): void => {};
  const held = new Promise<void>((resolve) => (more = resolve));
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(new Uint8Array(noise(10)));
      await held;
      controller.enqueue(new Uint8Array(noise(10)));
      controller.close();
    },
  });
  const going = fetch(busy, { method: "PATCH", body, duplex: "half" });
  await new Promise((resolve) => void setTimeout(resolve, 1_500));
  const id = /uploads\/(.*)\.[^.]*$/.exec(left)?.[1];
  const dry = await care("--upload-timeout", "1", "--dry-run");
  expect(dry.at(-1)).toBe("Would remove 2 unfinished uploads of 2.1MB, but for those that somebody works on");
  const said = await care("--upload-timeout", "1");
  expect(said).toEqual([`unfinished upload ${id}`, "Removed 1 unfinished upload of 1.05MB", `1 unfinished upload holds 1.05MB: ${advice}`]);
  more();
  expect((await going).status).toBe(202);
  expect([(await fetch(left)).status, (await fetch(busy)).headers.get("range")]).toEqual([404, `0-${(1 << 20) + 19}`]);
});
