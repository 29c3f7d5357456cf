/** Requests that no client of ours sends, and their answers: none is a bug of the server. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Digest } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { blob, manifestOf, pushBlob, pushImage, putManifest, startRegistry, unknownDigest, type TestBlob, type TestRegistry } from "./registry.ts";

let registry: TestRegistry;
let image: TestBlob;
beforeAll(async () => {
  registry = await startRegistry({ logFormat: "none" });
  image = await pushImage(registry, "a", "v1");
  await pushImage(registry, "a", "v2");
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  expect(registry.lines).toEqual([]);
});

const get = async (path: string, method = "GET", headers: Record<string, string> = {}): Promise<Response> =>
  await fetch(registry.url + path, { method, headers });

describe("names that are far too long", () => {
  const long = "x".repeat(8_000);
  test.each([
    { path: `/v2/a/manifests/${long}`, want: 404, says: "MANIFEST_UNKNOWN" },
    { path: `/v2/a/tags/list?n=5&last=${long}`, want: 200, says: '"tags":[]' },
    { path: `/v2/a/tags/list?n=5&last=V${long}`, want: 200, says: '"tags":["v1","v2"]' },
    { path: `/v2/a/tags/list?n=5&last=v1${long}`, want: 200, says: '"tags":["v2"]' },
    { path: `/v2/a/tags/list?n=5&last=%00${"%F4%8F%BF%BF".repeat(700)}`, want: 200, says: '"tags":["v1","v2"]' },
    { path: `/v2/_catalog?n=5&last=${long}`, want: 200, says: '"repositories":[]' },
    { path: `/v2/a/referrers/${unknownDigest()}?last=${long}`, want: 200, says: '"manifests":[]' },
    { path: `/v2/a/blobs/${long}`, want: 404, says: "BLOB_UNKNOWN" },
    { path: `/v2/${long}/tags/list`, want: 400, says: "NAME_INVALID" },
    { path: `/ui/a/-/compare?a=${long}&b=v1`, want: 404, says: "Not found" },
    { path: `/ui/a?q=${long}`, want: 200, says: "0 tags" },
  ])("$path", async ({ path, want, says }) => {
    const reply = await get(path);
    expect([reply.status, await reply.text()]).toEqual([want, expect.stringContaining(says)]);
    expect((await get(path, "HEAD")).status).toBe(want);
  });
});

describe("the data of a descriptor", () => {
  const config = blob("{}", MEDIA_TYPE.config);
  const { descriptor } = blob("hello");
  const put = async (more: Readonly<Record<string, unknown>>, name = "inside"): Promise<Response> => {
    await pushBlob(registry, name, config);
    return await putManifest(registry, name, "v1", manifestOf(config, [], { layers: [{ ...descriptor, ...more }] }));
  };

  test("of another size than the descriptor says is refused, and not stored", async () => {
    const reply = await put({ size: 99, data: "aGVsbG8=" });
    expect([reply.status, await reply.text()]).toEqual([400, expect.stringContaining("has 5 bytes, and it says 99")]);
    expect((await get(`/v2/inside/blobs/${descriptor.digest}`, "HEAD")).status).toBe(404);
  });

  test("of the right size is the blob", async () => {
    expect((await put({ data: "aGVsbG8=" })).status).toBe(201);
    expect(await (await get(`/v2/inside/blobs/${descriptor.digest}`)).text()).toBe("hello");
  });
});

describe("a part of a blob, if it is of", () => {
  const content = blob("content");
  const { digest }: { readonly digest: Digest } = content.descriptor;
  beforeAll(async () => void (await pushBlob(registry, "a", content)));
  test.each([
    { name: "that blob", condition: `"${digest}"`, want: [206, "c"] },
    { name: "another", condition: '"other"', want: [200, "content"] },
    { name: "one that is alike", condition: `W/"${digest}"`, want: [200, "content"] },
    { name: "a day", condition: "Wed, 21 Oct 2015 07:28:00 GMT", want: [200, "content"] },
  ])("$name", async ({ condition, want }) => {
    const reply = await get(`/v2/a/blobs/${digest}`, "GET", { range: "bytes=0-0", "if-range": condition });
    expect([reply.status, await reply.text()]).toEqual(want);
  });
});

test("a manifest by a tag of the right length is found", async () => {
  expect((await get(`/v2/a/manifests/${"y".repeat(128)}`)).status).toBe(404);
  expect((await get(`/v2/a/manifests/${image.descriptor.digest}`)).status).toBe(200);
});
