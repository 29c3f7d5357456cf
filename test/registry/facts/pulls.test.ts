/** Mount; Pull, HEAD: ranges, lengths, types, exact bytes. */
import { expect, test } from "vitest";
import { MEDIA_TYPE } from "../../../store/oci.ts";
import { pushImage, unknownDigest } from "../registry.ts";
import { registry, layer, call, errorCode } from "./served.ts";

test.each([
  { name: "a blob of another repository", query: () => `?mount=${layer.descriptor.digest}&from=base/image`, status: 201 },
  { name: "a blob without saying from where", query: () => `?mount=${layer.descriptor.digest}`, status: 201 },
  { name: "from a repository that lacks it", query: () => `?mount=${layer.descriptor.digest}&from=empty/one`, status: 202 },
  { name: "a blob that nobody has", query: () => `?mount=${unknownDigest()}`, status: 202 },
  { name: "a digest that is none", query: () => "?mount=sha256:abc", status: 400 },
])("Mount: $name is $status", async ({ query, status }) => {
  const target = `target-${status}/x`;
  const reply = await call(`/v2/${target}/blobs/uploads/${query()}`, { method: "POST" });
  expect(reply.status).toBe(status);
  if (status === 201) expect(reply.headers.get("location")).toBe(`/v2/${target}/blobs/${layer.descriptor.digest}`);
  if (status !== 202) return;
  const location = reply.headers.get("location") ?? "";
  expect((await call(location)).status).toBe(204);
  const put = await call(`${location}?digest=${layer.descriptor.digest}`, { method: "PUT", body: layer.bytes });
  expect([put.status, put.headers.get("location")]).toEqual([201, `/v2/${target}/blobs/${layer.descriptor.digest}`]);
});

test("Mount: a blob is readable only through a repository that holds it", async () => {
  expect((await call(`/v2/stranger/blobs/${layer.descriptor.digest}`)).status).toBe(404);
});

test.each([
  { range: "bytes=0-9", status: 206, want: [0, 10] },
  { range: "bytes=990-", status: 206, want: [990, 1_000] },
  { range: "bytes=-10", status: 206, want: [990, 1_000] },
  { range: "bytes=900-5000", status: 206, want: [900, 1_000] },
  { range: "bytes=500-0", status: 416, want: undefined },
  { range: "bytes=1000-", status: 416, want: undefined },
  { range: "bytes=-5000", status: 206, want: [0, 1_000] },
  { range: "bytes=-0", status: 416, want: undefined },
] as const)("Pull, HEAD: range $range is $status", async ({ range, status, want }) => {
  const reply = await call(`/v2/base/image/blobs/${layer.descriptor.digest}`, { headers: { range } });
  expect(reply.status).toBe(status);
  if (want === undefined) return;
  expect(reply.headers.get("content-range")).toBe(`bytes ${want[0]}-${want[1] - 1}/1000`);
  expect(reply.headers.get("content-length")).toBe(String(want[1] - want[0]));
  expect(Buffer.from(await reply.arrayBuffer()).equals(layer.bytes.subarray(want[0], want[1]))).toBe(true);
});

test("Pull, HEAD: HEAD has the length, the type and no body", async () => {
  const manifest = await pushImage(registry, "base/image", "v1");
  for (const [path, type, size] of [
    [`/v2/base/image/blobs/${layer.descriptor.digest}`, "application/octet-stream", 1_000],
    ["/v2/base/image/manifests/v1", MEDIA_TYPE.manifest, manifest.bytes.length],
  ] as const) {
    const reply = await call(path, { method: "HEAD" });
    expect([reply.status, reply.headers.get("content-type"), reply.headers.get("content-length"), await reply.text()]).toEqual([200, type, String(size), ""]);
  }
});

test("Pull, HEAD: what went in comes out without compression or charset, whatever is accepted", async () => {
  const { descriptor } = await pushImage(registry, "base/image", "v1");
  for (const path of ["manifests/v1", `manifests/${descriptor.digest}`, `blobs/${layer.descriptor.digest}`]) {
    const reply = await call(`/v2/base/image/${path}`, { headers: { "accept-encoding": "gzip, br, zstd", accept: "text/html" } });
    expect([reply.status, reply.headers.get("content-encoding"), reply.headers.get("content-type")?.includes("charset")]).toEqual([200, null, false]);
    expect(Number(reply.headers.get("content-length"))).toBe((await reply.arrayBuffer()).byteLength);
  }
});

test.each(["sha256:12", "sha256:zz", "nonsense"])("Pull, HEAD: a blob of the malformed digest %s is 404", async (digest) => {
  const reply = await call(`/v2/base/image/blobs/${digest}`);
  expect([reply.status, await errorCode(reply)]).toEqual([404, "BLOB_UNKNOWN"]);
  expect((await call(`/v2/base/image/blobs/${digest}`, { method: "HEAD" })).status).toBe(404);
});

test("Pull, HEAD: an unchanged manifest is not sent again", async () => {
  const tag = (await call("/v2/base/image/manifests/v1")).headers.get("etag") ?? "";
  expect((await call("/v2/base/image/manifests/v1", { headers: { "if-none-match": tag } })).status).toBe(304);
});

test("Pull, HEAD: 64 small reads at once, and the counters know of them", async () => {
  const manifest = await pushImage(registry, "many/x", "v1");
  const replies = await Promise.all(Array.from({ length: 64 }, async () => (await call("/v2/many/x/manifests/v1")).headers.get("docker-content-digest")));
  expect(new Set(replies)).toEqual(new Set([manifest.descriptor.digest]));
  expect(await (await call("/metrics")).text()).toMatch(/strata_registry_requests_total\{method="GET",kind="manifests",status="200"\} \d{2,}/);
});
