/** What clients and conformance suites hold a registry to, one row each, on a server that listens. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf, type Digest } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { blob, manifestOf, noise, pushBlob, pushImage, putManifest, startRegistry, unknownDigest, type TestBlob, type TestRegistry } from "./registry.ts";

let registry: TestRegistry;
const layer = blob(noise(1_000));
const config = blob("{}", MEDIA_TYPE.config);
const sha512 = (bytes: Buffer): string => `sha512:${createHash("sha512").update(bytes).digest("hex")}`;

beforeAll(async () => {
  registry = await startRegistry({ logFormat: "none" });
  for (const part of [layer, config]) await pushBlob(registry, "base/image", part);
  await pushImage(registry, "base/image", "v1");
});
afterAll(async () => {
  expect(registry.lines).toEqual([]); // no bug was reported
  await registry[Symbol.asyncDispose]();
});

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array | string;
}

async function call(path: string, { method = "GET", headers = {}, body }: Sent = {}): Promise<Response> {
  return await fetch(new URL(path, registry.url), {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : new Uint8Array(body) }),
  });
}

async function errorCode(reply: Response): Promise<string | undefined> {
  return ((await reply.json()) as { errors: readonly { code: string }[] }).errors[0]?.code;
}

async function session(name = "base/image", query = ""): Promise<string> {
  const reply = await call(`/v2/${name}/blobs/uploads/${query}`, { method: "POST" });
  expect(reply.status).toBe(202);
  expect(reply.headers.get("range")).toMatch(/^0-/);
  return reply.headers.get("location") ?? "";
}

async function patch(location: string, bytes: Buffer, range?: string): Promise<Response> {
  return await call(location, {
    method: "PATCH",
    body: bytes,
    headers: { "content-type": "application/octet-stream", ...(range === undefined ? {} : { "content-range": range }) },
  });
}

async function isHere(name: string, { bytes, descriptor }: TestBlob, digest: string = descriptor.digest): Promise<void> {
  const reply = await call(`/v2/${name}/blobs/${digest}`);
  expect(reply.status).toBe(200);
  expect(reply.headers.get("docker-content-digest")).toBe(digest);
  expect(Buffer.from(await reply.arrayBuffer()).equals(bytes)).toBe(true);
}

const uploads: readonly { readonly name: string; readonly run: () => Promise<void> }[] = [
  {
    name: "POST then PUT",
    run: async () => {
      const content = blob(noise(3_000, 2));
      const reply = await call(`${await session()}?digest=${content.descriptor.digest}`, { method: "PUT", body: content.bytes });
      expect(reply.status).toBe(201);
      const got = await call(reply.headers.get("location") ?? "");
      expect(Buffer.from(await got.arrayBuffer()).equals(content.bytes)).toBe(true);
    },
  },
  {
    name: "POST with the digest",
    run: async () => {
      const content = blob(noise(3_000, 3));
      expect((await pushBlob(registry, "base/image", content)).status).toBe(201);
      await isHere("base/image", content);
    },
  },
  {
    name: "chunks that follow one another",
    run: async () => {
      const content = blob(noise(3_000, 4));
      const location = await session();
      const first = await patch(location, content.bytes.subarray(0, 1_000), "0-999");
      expect([first.status, first.headers.get("range")]).toEqual([202, "0-999"]);
      const second = await patch(first.headers.get("location") ?? "", content.bytes.subarray(1_000, 2_000), "1000-1999");
      expect([second.status, second.headers.get("range")]).toEqual([202, "0-1999"]);
      const last = await call(`${second.headers.get("location")}?digest=${content.descriptor.digest}`, {
        method: "PUT",
        body: content.bytes.subarray(2_000),
        headers: { "content-range": "2000-2999" },
      });
      expect(last.status).toBe(201);
      await isHere("base/image", content);
    },
  },
  {
    name: "a streamed PATCH of unknown length",
    run: async () => {
      const content = blob(noise(200_000, 5));
      const location = await session();
      const body = new ReadableStream({
        start(controller): void {
          for (let at = 0; at < content.bytes.length; at += 10_000) controller.enqueue(new Uint8Array(content.bytes.subarray(at, at + 10_000)));
          controller.close();
        },
      });
      const reply = await fetch(new URL(location, registry.url), { method: "PATCH", body, duplex: "half" });
      expect([reply.status, reply.headers.get("range")]).toEqual([202, "0-199999"]);
      expect((await call(`${location}?digest=${content.descriptor.digest}`, { method: "PUT" })).status).toBe(201);
      await isHere("base/image", content);
    },
  },
  {
    name: "chunks out of order are 416, and the session lives on",
    run: async () => {
      const content = blob(noise(2_000, 6));
      const location = await session();
      expect((await patch(location, content.bytes.subarray(1_000), "1000-1999")).status).toBe(416);
      await patch(location, content.bytes.subarray(0, 1_000), "0-999");
      expect((await patch(location, content.bytes.subarray(0, 1_000), "0-999")).status).toBe(416);
      const status = await call(`${location}?digest=${content.descriptor.digest}`);
      expect([status.status, status.headers.get("range"), status.headers.get("location") !== null]).toEqual([204, "0-999", true]);
      const wrong = await call(`${location}?digest=${content.descriptor.digest}`, {
        method: "PUT",
        body: content.bytes.subarray(1_000),
        headers: { "content-range": "500-1499" },
      });
      expect(wrong.status).toBe(416);
      const last = await call(`${location}?digest=${content.descriptor.digest}`, {
        method: "PUT",
        body: content.bytes.subarray(1_000),
        headers: { "content-range": "1000-1999" },
      });
      expect(last.status).toBe(201);
    },
  },
  {
    name: "a new session shows a range at zero bytes",
    run: async () => {
      const status = await call(await session());
      expect([status.status, status.headers.get("range")]).toEqual([204, "0-0"]);
    },
  },
  {
    name: "a wrong digest is 400 on every path and stores nothing",
    run: async () => {
      const bytes = noise(2_000, 7);
      const wrong = unknownDigest("wrong");
      const location = await session();
      await patch(location, bytes);
      const replies = [
        await call(`/v2/base/image/blobs/uploads/?digest=${wrong}`, { method: "POST", body: bytes }),
        await call(`${await session()}?digest=${wrong}`, { method: "PUT", body: bytes }),
        await call(`${location}?digest=${wrong}`, { method: "PUT" }),
        await call(`${await session()}?digest=sha256:zz`, { method: "PUT", body: bytes }),
        await call(await session(), { method: "PUT", body: bytes }),
      ];
      for (const reply of replies) expect([reply.status, await errorCode(reply)]).toEqual([400, "DIGEST_INVALID"]);
      expect(await registry.storage.blobs.stat(wrong)).toBeUndefined();
      expect(await registry.storage.blobs.stat(digestOf(bytes))).toBeUndefined();
    },
  },
  {
    name: "a blob of no bytes",
    run: async () => {
      const nothing = blob("");
      expect((await pushBlob(registry, "base/image", nothing)).status).toBe(201);
      await isHere("base/image", nothing);
    },
  },
  {
    name: "DELETE of a session cancels it",
    run: async () => {
      const location = await session();
      expect((await call(location, { method: "DELETE" })).status).toBe(204);
      const gone = await call(location);
      expect([gone.status, await errorCode(gone)]).toEqual([404, "BLOB_UPLOAD_UNKNOWN"]);
    },
  },
  {
    name: "a session belongs to its repository",
    run: async () => {
      const location = await session();
      expect((await call(location.replace("base/image", "another"))).status).toBe(404);
    },
  },
  {
    name: "a chunk that is sent again to an older URL is 416, whose GET is 204",
    run: async () => {
      const content = blob(noise(2_000, 12));
      const older = await session();
      const first = await patch(older, content.bytes.subarray(0, 1_000), "0-999");
      const newer = first.headers.get("location") ?? "";
      expect((await patch(newer, content.bytes.subarray(1_000), "1000-1999")).status).toBe(202);
      expect((await patch(older, content.bytes.subarray(0, 1_000), "0-999")).status).toBe(416);
      const status = await call(older);
      expect([status.status, status.headers.get("range"), status.headers.get("location")]).toEqual([204, "0-1999", newer]);
    },
  },
  {
    name: "a last chunk out of order is 416, and the session goes on",
    run: async () => {
      const content = blob(noise(2_000, 13));
      const location = await session();
      const put = async (bytes: Buffer, range: string): Promise<Response> =>
        await call(`${location}?digest=${content.descriptor.digest}`, { method: "PUT", body: bytes, headers: { "content-range": range } });
      const early = await put(content.bytes.subarray(1_000), "1000-1999");
      expect([early.status, await errorCode(early)]).toEqual([416, "RANGE_INVALID"]);
      expect((await call(location)).headers.get("range")).toBe("0-0");
      expect((await put(content.bytes, "0-1999")).status).toBe(201);
    },
  },
  {
    name: "a Location may carry more parameters, to which clients append the digest",
    run: async () => {
      const content = blob(noise(1_000, 14));
      const location = new URL(await session(), registry.url);
      location.searchParams.set("_state", "kept");
      location.searchParams.append("digest", content.descriptor.digest);
      expect((await call(location.href, { method: "PUT", body: content.bytes })).status).toBe(201);
      await isHere("base/image", content);
    },
  },
  {
    name: "there is no least length of a chunk, so none is told",
    run: async () => {
      const reply = await call("/v2/base/image/blobs/uploads/", { method: "POST" });
      expect(reply.headers.get("oci-chunk-min-length")).toBeNull();
      const content = blob(noise(3, 15));
      const location = reply.headers.get("location") ?? "";
      for (let at = 0; at < 3; at++) expect((await patch(location, content.bytes.subarray(at, at + 1), `${at}-${at}`)).status).toBe(202);
      expect((await call(`${location}?digest=${content.descriptor.digest}`, { method: "PUT" })).status).toBe(201);
    },
  },
  {
    name: "sha512 in one POST, in chunks, in ranges and deleted",
    run: async () => {
      const content = blob(noise(2_000, 16));
      const digest = sha512(content.bytes);
      expect((await call(`/v2/five/twelve/blobs/uploads/?digest=${digest}`, { method: "POST", body: content.bytes })).status).toBe(201);
      const location = await session("five/chunks");
      await patch(location, content.bytes.subarray(0, 1_000), "0-999");
      const last = await call(`${location}?digest=${digest}`, { method: "PUT", body: content.bytes.subarray(1_000) });
      expect([last.status, last.headers.get("location")]).toEqual([201, `/v2/five/chunks/blobs/${digest}`]);
      const part = await call(`/v2/five/chunks/blobs/${digest}`, { headers: { range: "bytes=10-19" } });
      expect([part.status, part.headers.get("docker-content-digest")]).toEqual([206, digest]);
      expect(Buffer.from(await part.arrayBuffer()).equals(content.bytes.subarray(10, 20))).toBe(true);
      const head = await call(`/v2/five/chunks/blobs/${digest}`, { method: "HEAD" });
      expect([head.status, head.headers.get("docker-content-digest")]).toEqual([200, digest]);
      expect((await call(`/v2/five/chunks/blobs/${digest}`, { method: "DELETE" })).status).toBe(202);
      const wrong = await call(`/v2/five/twelve/blobs/uploads/?digest=${sha512(Buffer.from("else"))}`, { method: "POST", body: content.bytes });
      expect([wrong.status, await errorCode(wrong)]).toEqual([400, "DIGEST_INVALID"]);
    },
  },
  {
    name: "sha512 manifests of sha512 layers are tagged, referred to, indexed and deleted",
    run: async () => {
      const [own, base] = [blob(noise(1_000, 17)), blob("{}", MEDIA_TYPE.config)];
      const as512 = (part: TestBlob): TestBlob => ({ ...part, descriptor: { ...part.descriptor, digest: sha512(part.bytes) as Digest } });
      for (const part of [own, base].map(as512)) expect((await pushBlob(registry, "five/all", part)).status).toBe(201);
      const manifest = as512(manifestOf(as512(base), [as512(own)]));
      const { digest } = manifest.descriptor;
      const put = await putManifest(registry, "five/all", `${digest}?tag=v1`, manifest);
      expect([put.status, put.headers.get("docker-content-digest"), put.headers.get("oci-tag")]).toEqual([201, digest, "v1"]);
      const signature = manifestOf(as512(base), [], { subject: manifest.descriptor });
      expect((await putManifest(registry, "five/all", "sig", signature)).headers.get("oci-subject")).toBe(digest);
      const referrers = (await (await call(`/v2/five/all/referrers/${digest}`)).json()) as { manifests: readonly { digest: string }[] };
      expect(referrers.manifests.map((entry) => entry.digest)).toEqual([signature.descriptor.digest]);
      expect((await putManifest(registry, "five/all", "list", index([manifest]))).status).toBe(201);
      const got = await call("/v2/five/all/manifests/v1");
      expect([got.headers.get("docker-content-digest"), sha512(Buffer.from(await got.arrayBuffer()))]).toEqual([digest, digest]);
      expect((await call(`/v2/five/all/manifests/${digest}`, { method: "DELETE" })).status).toBe(202);
      expect((await call("/v2/five/all/manifests/v1", { method: "HEAD" })).status).toBe(404);
    },
  },
  {
    name: "sha512, from blob to manifest",
    run: async () => {
      const content = blob(noise(2_000, 8));
      const digest = sha512(content.bytes);
      expect((await call(`${await session()}?digest=${digest}`, { method: "PUT", body: content.bytes })).status).toBe(201);
      await isHere("base/image", content, digest);
      expect((await call(`/v2/mounted/here/blobs/uploads/?mount=${digest}&from=base/image`, { method: "POST" })).status).toBe(201);
      const manifest = manifestOf(config, []);
      const put = await putManifest(registry, "base/image", sha512(manifest.bytes), manifest);
      expect([put.status, put.headers.get("docker-content-digest")]).toEqual([201, sha512(manifest.bytes)]);
      expect((await call(`/v2/base/image/manifests/${sha512(manifest.bytes)}`)).headers.get("docker-content-digest")).toBe(sha512(manifest.bytes));
    },
  },
];
test.each(uploads)("Blob upload: $name", async ({ run }) => {
  await run();
});

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
  if (status === 202) expect((await call(reply.headers.get("location") ?? "")).status).toBe(204);
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

const index = (manifests: readonly TestBlob[], more: Record<string, unknown> = {}): TestBlob =>
  blob(
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: manifests.map(({ descriptor }) => descriptor), ...more }),
    (more["mediaType"] as string | undefined) ?? MEDIA_TYPE.index,
  );
const foreign = {
  ...blob("foreign"),
  descriptor: { ...blob("foreign").descriptor, mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" },
};
const inline = blob("inline!");

test.each([
  { name: "without layers", manifest: manifestOf(config, []) },
  { name: "of 4 MiB", manifest: manifestOf(config, [], { annotations: { a: "x".repeat((4 << 20) - 600) } }) },
  { name: "an empty index", manifest: index([]) },
  { name: "a nested index", manifest: index([index([])]) },
  { name: "an index of what is not here", manifest: index([manifestOf(blob("unknown"), [])]) },
  { name: "with unknown fields", manifest: manifestOf(config, [], { strange: { a: [1] } }) },
  { name: "with layers that are never pushed", manifest: manifestOf(config, [foreign]) },
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

test("Manifests: one without mediaType takes the content type", async () => {
  const bare = { ...blob(JSON.stringify({ schemaVersion: 2, config: config.descriptor, layers: [] })) };
  expect((await putManifest(registry, "base/image", "bare", { ...bare, descriptor: { ...bare.descriptor, mediaType: MEDIA_TYPE.manifest } })).status).toBe(201);
  expect((await call("/v2/base/image/manifests/bare")).headers.get("content-type")).toBe(MEDIA_TYPE.manifest);
});

const good = manifestOf(config, [layer]);
test.each([
  { name: "a wrong digest", reference: unknownDigest(), manifest: good, status: 400, code: "DIGEST_INVALID" },
  { name: "a malformed digest", reference: "sha256:12", manifest: good, status: 400, code: "DIGEST_INVALID" },
  { name: "a malformed tag", reference: "-x", manifest: good, status: 400, code: "TAG_INVALID" },
  { name: "a blob that is not here", reference: "t", manifest: manifestOf(config, [blob("missing")]), status: 400, code: "MANIFEST_BLOB_UNKNOWN" },
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

test("Referrers: of what nobody knows are an empty index", async () => {
  const reply = await call(`/v2/not/there/referrers/${unknownDigest()}`);
  expect([reply.status, reply.headers.get("content-type"), await reply.json()]).toEqual([
    200,
    MEDIA_TYPE.index,
    { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] },
  ]);
});

test("Referrers: announced, listed before their subject is there, filtered, forgotten", async () => {
  const subject = manifestOf(config, [], { annotations: { the: "subject" } });
  const signature = manifestOf(config, [], { subject: subject.descriptor, artifactType: "application/x.sig+json", annotations: { by: "ann" } });
  const plain = manifestOf(config, [layer], { subject: subject.descriptor });
  for (const [reference, manifest] of [
    [signature.descriptor.digest, signature],
    ["by-tag", plain],
    ["by-tag", plain],
  ] as const) {
    const reply = await putManifest(registry, "ref/x", reference, manifest);
    expect(await errorCode(reply)).toBe("MANIFEST_BLOB_UNKNOWN");
  }
  for (const part of [config, layer]) await pushBlob(registry, "ref/x", part);
  for (const [reference, manifest] of [
    [signature.descriptor.digest, signature],
    ["by-tag", plain],
    ["by-tag", plain],
  ] as const) {
    const reply = await putManifest(registry, "ref/x", reference, manifest);
    expect([reply.status, reply.headers.get("oci-subject")]).toEqual([201, subject.descriptor.digest]);
  }
  const list = async (query = ""): Promise<{ readonly filters: string | null; readonly link: string | null; readonly manifests: readonly unknown[] }> => {
    const reply = await call(`/v2/ref/x/referrers/${subject.descriptor.digest}${query}`);
    return {
      filters: reply.headers.get("oci-filters-applied"),
      link: reply.headers.get("link"),
      manifests: ((await reply.json()) as { manifests: unknown[] }).manifests,
    };
  };
  const sigEntry = { ...signature.descriptor, artifactType: "application/x.sig+json", annotations: { by: "ann" } };
  const plainEntry = { ...plain.descriptor, artifactType: MEDIA_TYPE.config };
  const all = await list();
  expect(all.filters).toBeNull();
  expect(all.manifests).toHaveLength(2);
  expect(all.manifests).toEqual(expect.arrayContaining([sigEntry, plainEntry]));
  expect(await list("?artifactType=application%2Fx.sig%2Bjson")).toEqual({ filters: "artifactType", link: null, manifests: [sigEntry] });
  expect((await list("?n=1")).link).toMatch(/rel="next"/);
  expect((await call(`/v2/ref/x/manifests/${signature.descriptor.digest}`, { method: "DELETE" })).status).toBe(202);
  expect((await list()).manifests).toEqual([plainEntry]);
});

test("Referrers: more than one reply holds are paged by Link", async () => {
  const subject = unknownDigest("of many");
  await pushBlob(registry, "many/referrers", config);
  const make = (n: number): TestBlob =>
    manifestOf(config, [], {
      subject: { mediaType: MEDIA_TYPE.manifest, digest: subject, size: 7 },
      annotations: { n: String(n), more: "x".repeat(n % 2 === 0 ? 90_000 : 10) },
    });
  for (let n = 0; n < 120; n++) expect((await putManifest(registry, "many/referrers", make(n).descriptor.digest, make(n))).status).toBe(201);
  const seen = new Set<string>();
  let pages = 0;
  for (let next: string | undefined = `/v2/many/referrers/referrers/${subject}`; next !== undefined; pages++) {
    const reply = await call(next);
    const bytes = Buffer.from(await reply.arrayBuffer());
    expect(bytes.length).toBeLessThanOrEqual(4 << 20);
    for (const { digest } of (JSON.parse(bytes.toString()) as { manifests: readonly { digest: string }[] }).manifests) seen.add(digest);
    next = /^<(.*)>; rel="next"$/.exec(reply.headers.get("link") ?? "")?.[1];
  }
  expect([seen.size, pages]).toEqual([120, 2]);
});

test("Tags and catalog: tags are sorted bytewise, and paged", async () => {
  for (const tag of ["b", "a", "B", "_x", "a.1", "10", "9"]) await pushImage(registry, "paged/tags", tag);
  const sorted = ["10", "9", "B", "_x", "a", "a.1", "b"];
  const list = async (query: string): Promise<readonly [unknown, string | null]> => {
    const reply = await call(`/v2/paged/tags/tags/list${query}`);
    return [((await reply.json()) as { tags: unknown }).tags, reply.headers.get("link")];
  };
  expect(await list("")).toEqual([sorted, null]);
  expect(await list("?n=3")).toEqual([sorted.slice(0, 3), '</v2/paged/tags/tags/list?n=3&last=B>; rel="next"']);
  expect(await list("?n=3&last=B")).toEqual([sorted.slice(3, 6), '</v2/paged/tags/tags/list?n=3&last=a.1>; rel="next"']);
  expect(await list("?n=3&last=a.1")).toEqual([["b"], null]);
  expect(await list("?last=_x")).toEqual([["a", "a.1", "b"], null]);
  expect(await list("?n=0")).toEqual([[], null]);
  expect(await list("?n=7")).toEqual([sorted, null]);
  const bad = await call("/v2/paged/tags/tags/list?n=x");
  expect([bad.status, await errorCode(bad)]).toEqual([400, "PAGINATION_NUMBER_INVALID"]);
  const unknown = await call("/v2/no/such/tags/list");
  expect([unknown.status, await errorCode(unknown)]).toEqual([404, "NAME_UNKNOWN"]);
});

test("Tags and catalog: the catalog is paged alike", async () => {
  for (const name of ["zoo/a", "zoo/b", "zoo/c"]) await pushImage(registry, name, "v1");
  const reply = await call("/v2/_catalog?n=2&last=zoo/a");
  expect(await reply.json()).toEqual({ repositories: ["zoo/b", "zoo/c"] });
  expect(await (await call("/v2/_catalog?last=zoo/b")).json()).toEqual({ repositories: ["zoo/c"] });
  expect(await (await call("/v2/_catalog?n=0")).json()).toEqual({ repositories: [] });
  const first = await call("/v2/_catalog?n=1");
  expect(first.headers.get("link")).toMatch(/^<\/v2\/_catalog\?n=1&last=.*>; rel="next"$/);
});

test("Delete: a tag, a manifest, a blob: gone at once, and 404 when absent", async () => {
  const manifest = await pushImage(registry, "del/x", "one");
  await putManifest(registry, "del/x", "two", manifest);
  const drop = async (path: string): Promise<number> => (await call(path, { method: "DELETE" })).status;
  const head = async (path: string): Promise<number> => (await call(path, { method: "HEAD" })).status;
  expect([await drop("/v2/del/x/manifests/one"), await head("/v2/del/x/manifests/one"), await head("/v2/del/x/manifests/two")]).toEqual([202, 404, 200]);
  expect(await drop(`/v2/del/x/manifests/${manifest.descriptor.digest}`)).toBe(202);
  expect([await head("/v2/del/x/manifests/two"), await head(`/v2/del/x/manifests/${manifest.descriptor.digest}`)]).toEqual([404, 404]);
  const layerPath = `/v2/del/x/blobs/${blob(noise(2_000)).descriptor.digest}`;
  expect([await head(layerPath), await drop(layerPath), await head(layerPath), await drop(layerPath)]).toEqual([200, 202, 404, 404]);
  expect([await drop("/v2/del/x/manifests/one"), await drop(`/v2/del/x/manifests/${unknownDigest()}`)]).toEqual([404, 404]);
});

test.each(["Upper/x", "a//b", "a/-b", "a..b", `a/${"b".repeat(256)}`])("Errors: the name %s is refused", async (name) => {
  const reply = await call(`/v2/${name}/tags/list`);
  expect([400, 404]).toContain(reply.status);
  expect((await call(`/v2/${name}/blobs/uploads/`, { method: "POST" })).status).toBeGreaterThanOrEqual(400);
});

test("Errors: /v2/ says that it is a registry, and an unknown method is 405", async () => {
  const reply = await call("/v2/");
  expect([reply.status, reply.headers.get("docker-distribution-api-version")]).toEqual([200, "registry/2.0"]);
  const wrong = await call("/v2/base/image/tags/list", { method: "PATCH" });
  expect([wrong.status, await errorCode(wrong)]).toEqual([405, "UNSUPPORTED"]);
});

test("Pull, HEAD: an unchanged manifest is not sent again", async () => {
  const tag = (await call("/v2/base/image/manifests/v1")).headers.get("etag") ?? "";
  expect((await call("/v2/base/image/manifests/v1", { headers: { "if-none-match": tag } })).status).toBe(304);
});

test("Delete: where changes are off, they are 405", async () => {
  await using closed = await startRegistry({ readOnly: true });
  for (const [method, path] of [
    ["DELETE", "manifests/v1"],
    ["PUT", "manifests/v1"],
    ["POST", "blobs/uploads/"],
  ] as const) {
    const reply = await fetch(`${closed.url}/v2/x/${path}`, { method });
    expect([reply.status, await errorCode(reply)]).toEqual([405, "UNSUPPORTED"]);
  }
});

test("Delete: where only deletes are off, they are 405, and pushes and cancels go on", async () => {
  await using keeping = await startRegistry({ deletes: false });
  const { descriptor } = await pushImage(keeping, "kept/x", "v1");
  for (const path of ["manifests/v1", `manifests/${descriptor.digest}`, `blobs/${layer.descriptor.digest}`]) {
    const reply = await fetch(`${keeping.url}/v2/kept/x/${path}`, { method: "DELETE" });
    expect([reply.status, await errorCode(reply)]).toEqual([405, "UNSUPPORTED"]);
  }
  const location = (await fetch(`${keeping.url}/v2/kept/x/blobs/uploads/`, { method: "POST" })).headers.get("location");
  expect((await fetch(keeping.url + location, { method: "DELETE" })).status).toBe(204);
});

test.each([
  { name: "an unknown manifest", path: "/v2/base/image/manifests/v9", code: "MANIFEST_UNKNOWN" },
  { name: "an unknown blob", path: `/v2/base/image/blobs/${unknownDigest()}`, code: "BLOB_UNKNOWN" },
  { name: "an unknown session", path: "/v2/base/image/blobs/uploads/none", code: "BLOB_UPLOAD_UNKNOWN" },
])("Errors: $name is told in the specification's shape", async ({ path, code }) => {
  const reply = await call(path);
  const body = (await reply.json()) as { errors: readonly Record<string, unknown>[] };
  expect([reply.status, reply.headers.get("content-type"), Object.keys(body), body.errors.length]).toEqual([404, "application/json", ["errors"], 1]);
  expect(body.errors[0]).toMatchObject({ code, message: expect.stringMatching(/^Cannot /) as string });
});

test("Errors: a name has 255 characters with its host, and no more", async () => {
  const room = 255 - registry.host.length - 1;
  const start = async (length: number): Promise<number> => (await call(`/v2/${"n".repeat(length)}/blobs/uploads/`, { method: "POST" })).status;
  expect([await start(room), await start(room + 1)]).toEqual([202, 400]);
});

describe("Auth", () => {
  let guarded: TestRegistry;
  let folder: TemporaryRoot;
  beforeAll(async () => {
    folder = temporaryRoot();
    const htpasswd = join(folder.root, "htpasswd");
    writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
    guarded = await startRegistry({ logFormat: "none", htpasswd });
  });
  afterAll(async () => {
    await guarded[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  test("a 401 has one challenge, quoted, whose realm tells no scheme", async () => {
    const reply = await fetch(`${guarded.url}/v2/`);
    expect([reply.status, reply.headers.get("www-authenticate")]).toEqual([401, expect.stringMatching(/^Basic realm="(?!.*(?:basic|bearer))[^"]+"$/i)]);
  });

  test.each([
    { name: "announced", head: `content-length: ${32 << 20}`, frame: (bytes: Buffer) => bytes },
    {
      name: "in chunks",
      head: "transfer-encoding: chunked",
      frame: (bytes: Buffer) => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n0\r\n\r\n")]),
    },
  ])("who sends a large body ($name) without a password reads the 401, not a broken pipe", async ({ head, frame }) => {
    const socket = connect(Number(guarded.host.split(":")[1]), "127.0.0.1");
    const problems: string[] = [];
    let said = "";
    socket.on("error", (error) => problems.push(error.message));
    socket.on("data", (data: Buffer) => (said += data.toString()));
    socket.write(`PUT /v2/x/manifests/v1 HTTP/1.1\r\nhost: localhost\r\n${head}\r\n\r\n`);
    await new Promise<void>((resolve) => socket.write(frame(Buffer.alloc(32 << 20, 97)), () => resolve()));
    socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    await new Promise((resolve) => socket.on("close", resolve));
    expect([said.match(/HTTP\/1\.1 \d+/g), problems]).toEqual([["HTTP/1.1 401", "HTTP/1.1 200"], []]);
  });
});

test("Pull, HEAD: 64 small reads at once, and the counters know of them", async () => {
  const manifest = await pushImage(registry, "many/x", "v1");
  const replies = await Promise.all(Array.from({ length: 64 }, async () => (await call("/v2/many/x/manifests/v1")).headers.get("docker-content-digest")));
  expect(new Set(replies)).toEqual(new Set([manifest.descriptor.digest]));
  expect(await (await call("/metrics")).text()).toMatch(/strata_registry_requests_total\{method="GET",kind="manifests",status="200"\} \d{2,}/);
});
