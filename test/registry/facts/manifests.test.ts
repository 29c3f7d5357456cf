/** Manifests: what is taken as it is, what is refused and how. */
import { expect, test } from "vitest";
import { digestOf } from "../../../store/digest.ts";
import { MEDIA_TYPE } from "../../../store/oci.ts";
import { blob, manifestOf, putManifest, type TestBlob, unknownDigest } from "../registry.ts";
import { registry, layer, config, index, call, errorCode } from "./served.ts";

const foreign = {
  ...blob("foreign"),
  descriptor: { ...blob("foreign").descriptor, mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" },
};
const inline = blob("inline!");

test.each([
  { name: "without layers", manifest: manifestOf(config, []) },
  { name: "of 4 MiB", manifest: manifestOf(config, [], { annotations: { a: "x".repeat((4 << 20) - 600) } }) },
  {
    name: "with a layer 10,000 times",
    manifest: manifestOf(
      config,
      Array.from({ length: 10_000 }, () => layer),
    ),
  },
  { name: "an empty index", manifest: index([]) },
  { name: "a nested index", manifest: index([index([])]) },
  { name: "an index of what is not here", manifest: index([manifestOf(blob("unknown"), [])]) },
  { name: "with unknown fields", manifest: manifestOf(config, [], { strange: { a: [1] } }) },
  { name: "with layers that are never pushed", manifest: manifestOf(config, [foreign]) },
  {
    name: "with layers that are elsewhere",
    manifest: manifestOf(config, [{ ...inline, descriptor: { ...inline.descriptor, urls: ["https://layers.test/1"] } }]),
  },
  { name: "with inline data", manifest: manifestOf(config, [{ ...inline, descriptor: { ...inline.descriptor, data: inline.bytes.toString("base64") } }]) },
  { name: "of Docker schema 2", manifest: manifestOf(config, [layer], { mediaType: MEDIA_TYPE.dockerManifest }) },
  { name: "a Docker manifest list", manifest: index([], { mediaType: MEDIA_TYPE.dockerIndex }) },
  {
    name: "with odd white space",
    manifest: { ...blob(` ${manifestOf(config, []).bytes.toString()}\n\n`), descriptor: { ...blob("").descriptor, mediaType: MEDIA_TYPE.manifest } },
  },
])("Manifests: one $name goes in and comes out as it was", async ({ manifest }) => {
  const put = await putManifest(registry, "base/image", "round", manifest);
  expect([put.status, put.status === 201 ? "" : await put.text()]).toEqual([201, ""]);
  const got = await call(put.headers.get("location") ?? "");
  expect(got.headers.get("content-type")).toBe(manifest.descriptor.mediaType);
  expect(got.headers.get("docker-content-digest")).toBe(digestOf(manifest.bytes));
  expect(Buffer.from(await got.arrayBuffer()).equals(manifest.bytes)).toBe(true);
});

test.each([
  { name: "image", document: { config: config.descriptor, layers: [] }, mediaType: MEDIA_TYPE.manifest },
  { name: "index", document: { manifests: [] }, mediaType: MEDIA_TYPE.index },
  { name: "Docker image", document: { config: config.descriptor, layers: [] }, mediaType: MEDIA_TYPE.dockerManifest },
])("Manifests: an $name without mediaType takes the content type $mediaType", async ({ document, mediaType }) => {
  const bare = blob(JSON.stringify({ schemaVersion: 2, ...document }), mediaType);
  expect((await putManifest(registry, "base/image", "bare", bare)).status).toBe(201);
  expect((await call("/v2/base/image/manifests/bare")).headers.get("content-type")).toBe(mediaType);
});

/** Told one byte larger than it is. */
function sized<Content extends typeof layer>(content: Content): Content {
  return { ...content, descriptor: { ...content.descriptor, size: content.descriptor.size + 1 } };
}

function many(count: number): readonly TestBlob[] {
  return Array.from({ length: count }, (_, at) => blob(String(at)));
}

function withData(content: TestBlob): TestBlob {
  return { ...content, descriptor: { ...content.descriptor, data: content.bytes.toString("base64") } };
}

const good = manifestOf(config, [layer]);
test.each([
  { name: "a wrong digest", reference: unknownDigest(), manifest: good, status: 400, code: "DIGEST_INVALID" },
  { name: "a malformed digest", reference: "sha256:12", manifest: good, status: 400, code: "DIGEST_INVALID" },
  { name: "a malformed tag", reference: "-x", manifest: good, status: 400, code: "TAG_INVALID" },
  { name: "a blob that is not here", reference: "t", manifest: manifestOf(config, [blob("missing")]), status: 400, code: "MANIFEST_BLOB_UNKNOWN" },
  ...[
    { name: "a layer of another size", manifest: manifestOf(config, [sized(layer)]) },
    { name: "a config of another size", manifest: manifestOf(sized(config), [layer]) },
  ].map(({ name, manifest }) => ({ name, reference: "t", manifest, status: 400, code: "MANIFEST_INVALID" })),
  ...[
    { name: "4,097 layers", manifest: manifestOf(config, many(4097)) },
    { name: "the data of 65 layers", manifest: manifestOf(config, many(65).map(withData)) },
    { name: "an index of 10,001", manifest: index(many(10_001)) },
  ].map(({ name, manifest }) => ({ name, reference: "t", manifest, status: 400, code: "MANIFEST_INVALID" })),
  {
    name: "more than 4 MiB",
    reference: "t",
    manifest: manifestOf(config, [], { annotations: { a: "x".repeat(5 << 20) } }),
    status: 413,
    code: "MANIFEST_TOO_LARGE",
  },
  { name: "no JSON", reference: "t", manifest: blob("{", MEDIA_TYPE.manifest), status: 400, code: "MANIFEST_INVALID" },
  {
    name: "another media type than announced",
    reference: "t",
    manifest: { ...good, descriptor: { ...good.descriptor, mediaType: MEDIA_TYPE.index } },
    status: 400,
    code: "MANIFEST_INVALID",
  },
  {
    name: "Docker schema 1",
    reference: "t",
    manifest: blob('{"schemaVersion":1}', "application/vnd.docker.distribution.manifest.v1+json"),
    status: 400,
    code: "MANIFEST_INVALID",
  },
])("Manifests: PUT with $name is $status", async ({ reference, manifest, status, code }) => {
  const reply = await putManifest(registry, "base/image", reference, manifest);
  expect([reply.status, await errorCode(reply)]).toEqual([status, code]);
});

test.each(["sha256:12", "sha999:abcd", "-x", `a${"b".repeat(200)}`, "v9", unknownDigest()])("Manifests: GET and HEAD of %s are 404", async (reference) => {
  expect((await call(`/v2/base/image/manifests/${reference}`)).status).toBe(404);
  expect((await call(`/v2/base/image/manifests/${reference}`, { method: "HEAD" })).status).toBe(404);
});

test("Manifests: PUT by digest with tags tags it and says so", async () => {
  const manifest = manifestOf(config, [], { annotations: { for: "tags" } });
  const reply = await putManifest(registry, "base/image", `${manifest.descriptor.digest}?tag=one&tag=two`, manifest);
  expect([reply.status, reply.headers.get("oci-tag")]).toEqual([201, "one, two"]);
  expect((await call("/v2/base/image/manifests/two")).headers.get("docker-content-digest")).toBe(manifest.descriptor.digest);
});
