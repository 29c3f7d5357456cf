/** Referrers: announced, listed, filtered, paged. */
import { expect, test } from "vitest";
import { MEDIA_TYPE } from "../../../store/oci.ts";
import { manifestOf, pushBlob, putManifest, unknownDigest, type TestBlob } from "../registry.ts";
import { registry, layer, config, index, call, errorCode } from "./served.ts";

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
      annotations: { n: String(n), more: "x".repeat(n % 2 === 0 ? 600_000 : 10) },
    });
  const put = async (n: number): Promise<number> => (await putManifest(registry, "many/referrers", make(n).descriptor.digest, make(n))).status;
  expect(new Set(await Promise.all(Array.from({ length: 12 }, async (_, n) => await put(n))))).toEqual(new Set([201]));
  const seen = new Set<string>();
  let pages = 0;
  for (let next: string | undefined = `/v2/many/referrers/referrers/${subject}`; next !== undefined; pages++) {
    const reply = await call(next);
    const bytes = Buffer.from(await reply.arrayBuffer());
    expect(bytes.length).toBeLessThanOrEqual(4 << 20);
    for (const { digest } of (JSON.parse(bytes.toString()) as { manifests: readonly { digest: string }[] }).manifests) seen.add(digest);
    next = /^<(.*)>; rel="next"$/.exec(reply.headers.get("link") ?? "")?.[1];
  }
  expect([seen.size, pages]).toEqual([12, 2]);
});

test("Referrers: an index refers and is referred to like an image, also to what refers itself", async () => {
  await pushBlob(registry, "ref/index", config);
  const image = manifestOf(config, [], { annotations: { the: "image" } });
  const list = index([image]);
  const sboms = index([], { subject: list.descriptor, artifactType: "application/x.sboms", annotations: { of: "all" } });
  const signature = manifestOf(config, [], { subject: sboms.descriptor, artifactType: "application/x.sig" });
  for (const [manifest, subject] of [
    [image, null],
    [list, null],
    [sboms, list.descriptor.digest],
    [signature, sboms.descriptor.digest],
  ] as const) {
    const reply = await putManifest(registry, "ref/index", manifest.descriptor.digest, manifest);
    expect([reply.status, reply.headers.get("oci-subject")]).toEqual([201, subject]);
  }
  const of = async (digest: string): Promise<unknown> => ((await (await call(`/v2/ref/index/referrers/${digest}`)).json()) as { manifests: unknown }).manifests;
  expect(await of(list.descriptor.digest)).toEqual([{ ...sboms.descriptor, artifactType: "application/x.sboms", annotations: { of: "all" } }]);
  expect(await of(sboms.descriptor.digest)).toEqual([{ ...signature.descriptor, artifactType: "application/x.sig" }]);
  expect((await call(`/v2/ref/index/manifests/${list.descriptor.digest}`, { method: "DELETE" })).status).toBe(202);
  expect(await of(list.descriptor.digest)).toHaveLength(1); // as before the subject was pushed
});

test("Referrers: the tags that stand in for them are tags like others, pushed again as they grow", async () => {
  await pushBlob(registry, "ref/tags", config);
  const subject = manifestOf(config, [], { annotations: { the: "subject" } });
  const tag = subject.descriptor.digest.replace(":", "-");
  expect((await putManifest(registry, "ref/tags", "v1", subject)).status).toBe(201);
  const signatures = ["a", "b"].map((by) => manifestOf(config, [], { annotations: { by } }));
  for (const count of [1, 2]) {
    const list = index(signatures.slice(0, count));
    expect((await putManifest(registry, "ref/tags", signatures[count - 1]!.descriptor.digest, signatures[count - 1]!)).status).toBe(201);
    expect((await putManifest(registry, "ref/tags", tag, list)).headers.get("docker-content-digest")).toBe(list.descriptor.digest);
    expect(Buffer.from(await (await call(`/v2/ref/tags/manifests/${tag}`)).arrayBuffer()).equals(list.bytes)).toBe(true);
  }
  expect((await putManifest(registry, "ref/tags", `${tag}.sig`, signatures[0]!)).status).toBe(201);
  expect(await (await call("/v2/ref/tags/tags/list")).json()).toEqual({ name: "ref/tags", tags: [tag, `${tag}.sig`, "v1"] });
  expect((await call(`/v2/ref/tags/manifests/${tag}.sig`, { method: "DELETE" })).status).toBe(202);
  expect((await call(`/v2/ref/tags/manifests/${signatures[0]!.descriptor.digest}`, { method: "HEAD" })).status).toBe(200);
});
