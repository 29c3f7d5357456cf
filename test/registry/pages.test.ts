/** The pages that people browse, as they come from the server. How a browser shows them: pages-browser.test.ts. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { showAge, showBytes, visibleName } from "../../registry/server/ui/format.ts";
import { openListings } from "../../registry/server/ui/listings.ts";
import type { StackListing } from "../../registry/server/ui/stack-listing.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { temporaryRoot } from "../support/root.ts";
import { blob, manifestOf, pushBlob, pushImage, putManifest, startRegistry, unknownDigest, type TestRegistry } from "./registry.ts";
import { layerOf, pushLayers, pushShownImage } from "./shown-image.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry({ logFormat: "none" });
});
afterAll(async () => await registry[Symbol.asyncDispose]());

const get = async (path: string, headers: Readonly<Record<string, string>> = {}, from = registry): Promise<Response> =>
  await fetch(from.url + path, { headers, redirect: "manual" });
/** The page's text; asked for again while the layers are being read. */
async function read(path: string): Promise<string> {
  let page = "";
  await expect.poll(async () => (page = await (await get(path)).text()), { timeout: 25_000 }).not.toContain("being read");
  return page;
}
/** What a page says, without its markup. */
const say = (page: string): string =>
  page
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll(/\s+/g, " ");

test("repositories and tags can be searched, the newest tag comes first, and there are pages of them", async () => {
  for (let index = 0; index < 35; index++) await pushImage(registry, "team/many", `v${index}`, { annotations: { index: String(index) } });
  const first = await read("/ui/team/many");
  expect([...first.matchAll(/<strong>(v\d+)</g)].map(([, tag]) => tag).slice(0, 3)).toEqual(["v34", "v33", "v32"]);
  expect(first).toContain('href="/ui/team/many?from=30"');
  expect([...(await read("/ui/team/many?from=30")).matchAll(/<strong>(v\d+)</g)].map(([, tag]) => tag)).toEqual(["v4", "v3", "v2", "v1", "v0"]);
  expect(say(await read("/ui/team/many?q=V2"))).toContain("11 tags");
  for (const path of ["/", "/ui/", "/ui"]) expect(await read(path)).toContain('<a href="/ui/team/many">team/many</a>');
  expect(await read("/ui/?q=nothing")).not.toContain("team/many");
});

test("an image: platform, size, each instruction beside its layer, changes, wasted bytes, configuration, commands", async () => {
  const { descriptor } = await pushShownImage(registry, "shown/app", "v1");
  const page = await read("/ui/shown/app:v1");
  const text = say(page);
  expect(text).toContain("linux/amd64");
  expect(text).toMatch(/1 COPY tool \/bin\/ 130 kB \+4 added/);
  expect(text).toContain("ENV A=1 no files");
  expect(text).toContain("4 COPY many /many/");
  expect(text).toMatch(/~1 changed .*−1 hidden/);
  expect(text).toContain("90.0 kB of 13");
  expect(text).toContain("/tmp/cache/object 90.0 kB 1 layer 2");
  for (const command of [
    `docker pull ${registry.host}/shown/app:v1`,
    `podman pull --tls-verify=false ${registry.host}/shown/app:v1`,
    `strata pull ${registry.host}/shown/app:v1`,
  ])
    expect(text).toContain(command);
  expect(page).toContain(`/ui/shown/app@${descriptor.digest}/-/layer?n=2`);
  expect(text).toContain("8080/tcp");
});

test("a layer's tree: what is added, changed and hidden, one folder a request where it is large", async () => {
  const { descriptor } = await pushShownImage(registry, "shown/tree", "v1");
  const layer = `/ui/shown/tree@${descriptor.digest}/-/layer`;
  const second = say(await read(`${layer}?n=2`));
  expect(second).toMatch(/changed passwd/);
  expect(second).toMatch(/− hidden cache/);
  expect(second).toContain("90.0 kB hidden");
  const many = await read(`${layer}?n=4&path=many`);
  expect([many.match(/file-\d+/g)?.length, many.includes("file-199"), many.includes("file-200")]).toEqual([200, true, false]);
  expect((await read(`${layer}?n=4&path=many&from=400`)).match(/file-\d+/g)).toHaveLength(100);
  for (const wrong of ["n=4&path=none", "n=9", "n=0", "n=x", "n=-1", "n=1e99"]) expect([wrong, (await get(`${layer}?${wrong}`)).status]).toEqual([wrong, 404]);
});

test("names that hide or mislead are shown as what they are, and lead to their folders", async () => {
  const { descriptor } = await pushLayers(registry, "odd", "v1", [{ "a\u202eb/c/stray-#-byte": "1", "a\u202eb/c/back\\slash": "1", "<i>/&amp;": "1" }]);
  const layer = `/ui/odd@${descriptor.digest}/-/layer?n=1`;
  const page = await read(layer);
  expect(say(page)).toContain("a\\u{202e}b /");
  expect(page).toContain("&#60;i&#62;");
  const folder = say(await read(`${layer}&path=${encodeURIComponent("a\\u{202e}b/c")}`));
  expect(folder).toContain("stray-\\xff-byte");
  expect(folder).toContain("back\\\\slash");
});

test("an index has its platforms with their sizes; attestations beside them are not taken for one", async () => {
  const images = await Promise.all(
    ["amd64", "arm64"].map(async (architecture, index) => ({
      ...(await pushLayers(registry, "multi", architecture, [{ file: Buffer.alloc(1000 * (index + 1), index) }], { architecture })).descriptor,
      platform: { os: "linux", architecture, variant: architecture === "arm64" ? "v8" : undefined },
    })),
  );
  const annotations = { "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": images[0]!.digest };
  const attestation = { ...(await pushImage(registry, "multi", "said")).descriptor, platform: { os: "unknown", architecture: "unknown" }, annotations };
  await putManifest(
    registry,
    "multi",
    "v1",
    blob(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [...images, attestation] }), MEDIA_TYPE.index),
  );
  const text = say(await read("/ui/multi:v1"));
  expect(text).toContain("linux/arm64/v8");
  expect(text).not.toContain("unknown");
  expect(text).toMatch(/linux\/amd64 \w{12} \d+ B 1 attestation/);
  expect(say(await read("/ui/multi"))).toMatch(/v1 \w{12} linux\/amd64 \d+ B linux\/arm64\/v8 \d+ B/);
});

test("what is said of an image: SBOM, provenance, signature, also by cosign's tags, which are not among the tags", async () => {
  const subject = (await pushImage(registry, "said/app", "v1")).descriptor;
  const config = blob("{}", MEDIA_TYPE.empty);
  const document = blob('{"spdx":1}', "application/spdx+json");
  for (const part of [config, document]) await pushBlob(registry, "said/app", part);
  const titled = { ...document, descriptor: { ...document.descriptor, annotations: { "org.opencontainers.image.title": "../<b>.json" } } };
  const said = manifestOf(config, [titled], {
    subject,
    artifactType: "application/vnd.in-toto+json",
    annotations: { "in-toto.io/predicate-type": "https://spdx.dev/Document" },
  });
  const signature = manifestOf(config, [titled], { artifactType: "application/vnd.dev.cosign.artifact.sig.v1+json", subject });
  const references = [
    [said.descriptor.digest, said],
    [signature.descriptor.digest, signature],
    [`${subject.digest.replace(":", "-")}.att`, said],
  ] as const;
  for (const [reference, manifest] of references) expect((await putManifest(registry, "said/app", reference, manifest)).status).toBe(201);
  const text = say(await read("/ui/said/app:v1"));
  expect(text).toContain("SBOM https://spdx.dev/Document");
  expect(text).toContain("Signature application/vnd.dev.cosign");
  expect(text).toMatch(/Attestation sha256-\w+….att/);
  const tags = await read("/ui/said/app");
  expect(tags).not.toContain(".att");
  expect(await read("/ui/said/app?all=1")).toContain(".att");

  const artifact = await read(`/ui/said/app@${said.descriptor.digest}`);
  expect(artifact).toContain("&#60;b&#62;.json</a>");
  const file = await get(`/ui/said/app@${said.descriptor.digest}/-/file?digest=${document.descriptor.digest}`);
  const header = (name: string): string | null => file.headers.get(name);
  expect([header("content-disposition"), header("content-security-policy"), await file.text()]).toEqual([
    'attachment; filename="_b_.json"',
    "default-src 'none'; sandbox",
    '{"spdx":1}',
  ]);
  expect((await get(`/ui/said/app:v1/-/file?digest=${document.descriptor.digest}`)).status).toBe(404);
});

test("two tags beside each other", async () => {
  await pushShownImage(registry, "compared", "v1");
  await pushShownImage(registry, "compared", "v2", 9090);
  const text = say(await read("/ui/compared/-/compare?a=v1&b=v2"));
  expect(text).toContain("4 layers in common");
  expect(text).toContain("Ports 8080/tcp 9090/tcp");
  expect((await get("/ui/compared/-/compare?a=v1&b=none")).status).toBe(404);
});

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

test("listings are made once, by turns, kept within a budget, and given up for other images when that is spent", async () => {
  const made: string[] = [];
  const listing = (name: string): StackListing => ({
    layers: [{ added: 0, changed: 0, hidden: 0, bytes: 0, hides: 0, wasted: 0, folders: new Map([["", name.padEnd(10 << 20)]]) }],
    bytes: 0,
    wasted: 0,
    waste: [],
  });
  let running = 0;
  const list = async ([layer]: readonly { readonly mediaType: string }[]): Promise<{ readonly listing: StackListing }> => {
    expect(++running).toBe(1);
    await sleep(5);
    running--;
    made.push(layer!.mediaType);
    return { listing: listing(layer!.mediaType) };
  };
  await using listings = openListings({ list, report: () => undefined });
  const ask = async (name: string): Promise<unknown> => await listings.read(unknownDigest(name), [{ mediaType: name, digest: unknownDigest(name), size: 1 }]);
  await Promise.all(["a", "b", "a"].map(ask));
  expect(made).toEqual(["a", "b"]);
  await ask("a");
  await ask("c"); // b was used longest ago
  await ask("a");
  expect(made).toEqual(["a", "b", "c"]);
  await ask("b");
  expect(made).toEqual(["a", "b", "c", "b"]);
  const asked = Array.from({ length: 30 }, async (_, index) => await ask(`x${index}`));
  expect((await Promise.all(asked)).filter((state) => state === "busy").length).toBe(14);
});

describe("who may see what", () => {
  const policy = `
rules:
  - { users: [ann], repositories: ["team/*"], actions: [pull] }
  - { users: [anonymous, "*"], repositories: ["public/*"], actions: [pull] }
  - { users: [root], repositories: ["**"], actions: ["*"] }
`;
  const basic = (user: string): Record<string, string> => ({ authorization: `Basic ${Buffer.from(`${user}:${user}-secret`).toString("base64")}` });

  test("pages follow the policy, ask browsers for a password, and tell nobody what is there", async () => {
    using scratch = temporaryRoot();
    const [htpasswd, file] = [join(scratch.root, "htpasswd"), join(scratch.root, "policy.yaml")];
    writeFileSync(htpasswd, ["ann", "root"].map((name) => `${name}:${hashSync(`${name}-secret`, 4)}\n`).join(""));
    writeFileSync(file, policy);
    await using closed = await startRegistry({ htpasswd, policy: file, logFormat: "none" });
    const pushed = async (name: string): Promise<void> => {
      const config = blob("{}", MEDIA_TYPE.config);
      const headers = { ...basic("root"), "content-type": MEDIA_TYPE.manifest };
      await fetch(`${closed.url}/v2/${name}/blobs/uploads/?digest=${config.descriptor.digest}`, { method: "POST", headers: basic("root"), body: "{}" });
      expect(
        (await fetch(`${closed.url}/v2/${name}/manifests/v1`, { method: "PUT", headers, body: new Uint8Array(manifestOf(config, []).bytes) })).status,
      ).toBe(201);
    };
    for (const name of ["public/tool", "team/app", "secret/plan"]) await pushed(name);
    const see = async (path: string, headers = {}): Promise<readonly [number, string | null]> => {
      const reply = await get(path, headers, closed);
      return [reply.status, reply.headers.get("www-authenticate")];
    };
    const challenge = 'Basic realm="strata registry",charset="UTF-8"';
    expect(await see("/ui/public/tool:v1")).toEqual([200, null]);
    for (const path of ["/ui/team/app", "/ui/team/app:v1", "/ui/secret/plan:v1/-/layer?n=1", "/ui/no/such", "/login"])
      expect([path, await see(path)]).toEqual([path, [401, challenge]]);
    for (const path of ["/ui/team/app", "/ui/public/tool"]) expect(await see(path, basic("ann"))).toEqual([200, null]);
    for (const path of ["/ui/secret/plan", "/ui/secret/none"]) expect(await see(path, basic("ann"))).toEqual([403, null]);
    expect((await get("/login", basic("ann"), closed)).headers.get("location")).toBe("/ui/");
    const names = async (headers = {}): Promise<readonly (string | undefined)[]> =>
      [...(await (await get("/", headers, closed)).text()).matchAll(/<a href="\/ui\/([^"]+)">/g)].map(([, name]) => name);
    expect([await names(), await names(basic("ann")), await names(basic("root"))]).toEqual([
      ["public/tool"],
      ["public/tool", "team/app"],
      ["public/tool", "secret/plan", "team/app"],
    ]);
    expect((await fetch(`${closed.url}/v2/team/app/tags/list`)).headers.get("www-authenticate")).toMatch(/^Bearer/);
  });

  test("the files of a layer are not shown through a repository that does not hold it", async () => {
    const { layer } = await layerOf({ secret: "x" });
    await pushBlob(registry, "holder", layer);
    const config = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [unknownDigest()] } }), MEDIA_TYPE.config);
    await pushBlob(registry, "thief", config);
    const foreign = { ...layer, descriptor: { ...layer.descriptor, urls: ["https://example.com/layer"] } };
    expect((await putManifest(registry, "thief", "v1", manifestOf(config, [foreign]))).status).toBe(201);
    expect((await get("/ui/thief:v1")).status).toBe(200);
    expect((await get("/ui/thief:v1/-/layer?n=1")).status).toBe(404);
    expect((await get(`/ui/thief:v1/-/file?digest=${layer.descriptor.digest}`)).status).toBe(404);
  });
});

test("numbers, times and names as people read them", () => {
  expect([0, 999, 1000, 99_949, 999_500, 1_234_567, 45e9].map(showBytes)).toEqual(["0 B", "999 B", "1.0 kB", "99.9 kB", "1.0 MB", "1.2 MB", "45.0 GB"]);
  expect([0, 59e3, 60e3, 7_200e3, 86_400e3 * 3, 86_400e3 * 800, -5e3].map((age) => showAge(1e12 - age, 1e12))).toEqual([
    "just now",
    "just now",
    "1 minute ago",
    "2 hours ago",
    "3 days ago",
    "2 years ago",
    "just now",
  ]);
  expect(["plain ä 日本", "a\u202eb", "\u0007\u200b", "\udcff", "a\\b", "\u00a0", "👍"].map(visibleName)).toEqual([
    "plain ä 日本",
    "a\\u{202e}b",
    "\\u{7}\\u{200b}",
    "\\xff",
    "a\\\\b",
    "\\u{a0}",
    "👍",
  ]);
});
