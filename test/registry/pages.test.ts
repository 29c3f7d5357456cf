/** The pages that people browse, as they come from the server. How a browser shows them: pages-browser.test.ts. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot } from "../support/root.ts";
import { blob, manifestOf, pushBlob, pushImage, putManifest } from "./registry.ts";
import { pushLayers, pushShownImage } from "./shown-image.ts";
import { get, read, registry, say } from "./shown-pages.ts";

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

test("what is no image is not said to be pulled as one, but copied", async () => {
  const empty = blob("{}", "application/vnd.strata.buildcache.v1+json");
  const image = (await pushLayers(registry, "kinds", "image", [{ file: "x" }])).descriptor;
  await pushBlob(registry, "kinds", empty);
  const cache = manifestOf(empty, [empty]);
  const config = blob("{}", MEDIA_TYPE.config);
  const said = blob("{}", "application/vnd.in-toto+json");
  for (const part of [config, said]) await pushBlob(registry, "kinds", part);
  const index = (...manifests: readonly object[]): ReturnType<typeof blob> =>
    blob(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }), MEDIA_TYPE.index);
  const tags = {
    cache,
    attestation: manifestOf(config, [said]),
    caches: index({ ...cache.descriptor, artifactType: "application/x" }),
    images: index({ ...image, platform: { os: "linux", architecture: "amd64" } }),
  };
  for (const [tag, manifest] of Object.entries(tags)) expect((await putManifest(registry, "kinds", tag, manifest)).status).toBe(201);
  const commands = async (tag: string): Promise<readonly string[]> =>
    [...(await read(`/ui/kinds:${tag}`)).matchAll(/<code>((?:docker|podman|strata|oras) [^<]*)<\/code>/g)].map(([, command]) => command!);
  const place = `docker://${registry.host}/kinds`;
  expect(await commands("cache")).toEqual([`strata copy ${place}:cache oci:kinds`]);
  expect(await commands("attestation")).toEqual([`strata copy ${place}:attestation oci:kinds`]);
  expect(await commands("caches")).toEqual([`strata copy -a ${place}:caches oci:kinds`]);
  for (const tag of ["image", "images"]) expect(await commands(tag)).toHaveLength(3);
  using root = temporaryRoot();
  for (const tag of ["cache", "attestation", "caches"]) {
    const [words = ""] = await commands(tag);
    expect(await runStrata(root, [...words.split(" ").slice(1, -1), `oci:${join(root.root, "../copied", tag)}`])).toMatchObject({ status: 0 });
  }
});
