/** Pages of what is not as it should be, of what is large, and of every packing. */
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { blob, manifestOf, pushBlob, pushImage, putManifest, unknownDigest } from "./registry.ts";
import { layerOf, pushLayers } from "./shown-image.ts";
import { get, read, registry, say } from "./shown-pages.ts";

/** The block that stands before an empty file in a tar. */
async function headerOf(name: string): Promise<Buffer> {
  return gunzipSync((await layerOf({ [name]: "" })).layer.bytes).subarray(0, 512);
}

/** Few names, but each of a thousand folders that no other has. */
async function deepLayer(): Promise<ReturnType<typeof blob>> {
  const files = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`${index}${"/a".repeat(1_000)}`, ""]));
  return (await layerOf(files)).layer;
}

describe("what is not as it should be", () => {
  const layers: readonly (readonly [name: string, layer: () => Promise<ReturnType<typeof blob>>, says: string])[] = [
    ["is no archive", async () => blob("not a tar at all".repeat(100), MEDIA_TYPE.layerTar), "checksum is wrong"],
    ["is no gzip data", async () => blob("not gzip", MEDIA_TYPE.layerGzip), "Cannot read layer 1: incorrect header check"],
    ["is cut short", async () => blob((await layerOf({ a: Buffer.alloc(5000, "x") })).layer.bytes.subarray(0, 40), MEDIA_TYPE.layerGzip), "unexpected end"],
    ["is of an unknown kind", async () => blob("x", "application/x-enc"), "neither tar, gzip nor zstd"],
    ["has too many files", async () => blob(gzipSync(Buffer.alloc(512 * 200_001, await headerOf("a")), { level: 1 }), MEDIA_TYPE.layerGzip), "too many files"],
    ["has too many folders", deepLayer, "too many files"],
    ["leads out", async () => (await layerOf({ "../../etc/passwd": "x" })).layer, "leads out of the layer"],
  ];
  test.each(layers)("a layer that %s is said to be so, and the page is whole", async (name, make, says) => {
    const layer = await make();
    const repository = `bad/${name.replaceAll(" ", "-")}`;
    const config = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [unknownDigest()] } }), MEDIA_TYPE.config);
    const manifest = manifestOf(config, [layer]);
    for (const part of [config, layer]) await pushBlob(registry, repository, part);
    await putManifest(registry, repository, "v1", manifest);
    for (const path of [`/ui/${repository}:v1`, `/ui/${repository}:v1/-/layer?n=1`]) {
      expect(say(await read(path))).toContain(says);
      expect((await get(path)).status).toBe(200);
    }
  });

  test.each([
    '{"config":{"Env":"text"},"history":7}',
    "[]",
    "not json",
    '{"os":{"a":1},"architecture":[2],"rootfs":{"diff_ids":[1]}}',
    '{"os":"linux","architecture":"amd64","created":{"a":1},"rootfs":{"type":"layers","diff_ids":[]},"history":[{"created_by":{"a":1}}],"config":{"Healthcheck":3,"Shell":{}}}',
  ])("a config of %s does no harm", async (text) => {
    const config = blob(text, MEDIA_TYPE.config);
    await pushBlob(registry, "bad/config", config);
    const manifest = manifestOf(config, [], { annotations: { a: { b: 1 }, "org.opencontainers.image.version": ["x"] }, layers: [], artifactType: 7 });
    expect((await putManifest(registry, "bad/config", "v1", manifest)).status).toBe(201);
    expect([(await get("/ui/bad/config:v1")).status, (await get("/ui/bad/config")).status, registry.lines]).toEqual([200, 200, []]);
  });

  test("pushed text that turns text around is shown as what it is", async () => {
    const turned = "li\u202enux\u0000";
    const config = blob(JSON.stringify({ os: turned, architecture: turned, variant: turned, rootfs: { type: "layers", diff_ids: [] } }), MEDIA_TYPE.config);
    const files = blob("{}", "application/x-files");
    await pushBlob(registry, "bad/turned", config);
    await pushBlob(registry, "bad/turned", files);
    const platform = { os: turned, architecture: turned, variant: turned };
    const image = manifestOf(config, []);
    const said = { ...files.descriptor, annotations: { "in-toto.io/predicate-type": turned } };
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [{ ...image.descriptor, platform }] };
    await putManifest(registry, "bad/turned", "image", image);
    await putManifest(registry, "bad/turned", "index", blob(JSON.stringify(index), MEDIA_TYPE.index));
    await putManifest(registry, "bad/turned", "files", manifestOf(files, [], { layers: [said] }));
    const compared = "/ui/bad/turned/-/compare?a=image&b=image";
    for (const path of ["/ui/bad/turned", ...["image", "index", "files"].map((tag) => `/ui/bad/turned:${tag}`), compared, "/ui/?q=a%E2%80%AEb%00"]) {
      const shown = await read(path);
      expect([path, /[\u202e\0]/.test(shown), shown.includes("\\u{202e}")]).toEqual([path, false, true]);
    }
  });

  test("addresses that name nothing are a page that says so", async () => {
    const paths = [
      "/ui/none",
      "/ui/none:v1",
      "/ui/-/none",
      "/ui/UPPER",
      "/ui/a//b",
      "/ui/shown%2f..%2f..",
      "/ui/a:b:c",
      "/ui/a@sha256:00",
      "/ui/%3Cscript%3E",
      "/ui/none/-/layer",
      "/ui/none/-/constructor",
    ];
    for (const path of paths) {
      const reply = await get(path);
      expect([path, reply.status]).toEqual([path, 404]);
      expect(await reply.text()).not.toContain("<script>");
    }
    const wrong = await get("/ui/none");
    expect(wrong.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(wrong.headers.get("content-security-policy")).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
  });
});

test("a page does not grow with what a manifest or a config lists", async () => {
  const part = blob("x");
  const run = { Env: Array.from({ length: 3_000 }, (_, at) => `V${at}=1`) };
  const image = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] }, config: run }), MEDIA_TYPE.config);
  const files = blob("{}", "application/x-files");
  const layers = Array.from({ length: 3_000 }, () => part);
  for (const one of [part, image, files]) await pushBlob(registry, "long", one);
  await putManifest(registry, "long", "image", manifestOf(image, layers));
  await putManifest(registry, "long", "files", manifestOf(files, layers));
  await putManifest(registry, "long", "none", manifestOf(image, []));
  for (const path of ["/ui/long:image", "/ui/long:files", "/ui/long/-/compare?a=none&b=image"]) {
    const page = await read(path);
    expect([path, page.match(/<tr>|<dt>/g)!.length < 1_200, /and [\d,]+ more/.test(say(page))]).toEqual([path, true, true]);
  }
});

test("layers are read however they are packed", async () => {
  const tar = gunzipSync((await layerOf({ "packed/file": "x" })).layer.bytes);
  const layers = [
    blob(tar, MEDIA_TYPE.layerTar),
    blob(Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]), MEDIA_TYPE.dockerLayer),
    blob(execFileSync("zstd", ["-c", "-q"], { input: tar }), MEDIA_TYPE.layerZstd),
  ];
  const config = blob(
    JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: layers.map(() => digestOf(tar)) } }),
    MEDIA_TYPE.config,
  );
  for (const part of [config, ...layers]) await pushBlob(registry, "packed", part);
  await putManifest(registry, "packed", "v1", manifestOf(config, layers));
  expect(say(await read("/ui/packed:v1/-/layer?n=1"))).toContain("packed / +1 added");
  for (const layer of [2, 3]) expect(say(await read(`/ui/packed:v1/-/layer?n=${layer}`))).toContain("packed / ~1 changed");
});

test("tags whose manifests are gone do not take the others along", async () => {
  const { descriptor } = await pushImage(registry, "damaged", "gone", { annotations: { damaged: "yes" } });
  await registry.store.blobs.remove(descriptor.digest);
  await pushImage(registry, "damaged", "whole");
  const first = await read("/ui/damaged");
  expect(first).toContain("gone");
  expect(say(first)).toMatch(/whole \w{12} linux\/amd64/);
  expect((await get("/ui/damaged:gone")).status).toBe(404);
});

test("a layer of 20,000 files in one folder is small pages, and the server answers others meanwhile", async () => {
  const files = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`node_modules/package-${index}/index.js`, "x"]));
  const { descriptor } = await pushLayers(registry, "wide", "v1", [files]);
  let isDone = false;
  const reading = read(`/ui/wide@${descriptor.digest}/-/layer?n=1&path=node_modules`).finally(() => (isDone = true));
  let answered = 0;
  for (; !isDone; answered++, await sleep(10)) expect((await get("/healthz")).status).toBe(200);
  expect(answered).toBeGreaterThan(3);
  const page = await reading;
  expect(page).toContain("20,000 entries");
  expect(page.length).toBeLessThan(200_000);
});
