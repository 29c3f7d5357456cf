/** What is attached to images: it lives as long as they do, and follows them when they are packed, saved and loaded. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadImages } from "../../store/archive/load.ts";
import { saveImages } from "../../store/archive/save.ts";
import { encodedOf, type Digest } from "../../store/digest.ts";
import { exportableImage } from "../../store/image/exportable.ts";
import { addReferrer, attach, referrersOf } from "../../store/image/referrers.ts";
import { openStore } from "../../store/open.ts";
import type { Descriptor, Manifest } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";

let place: TemporaryRoot;
let store: Store;
let image: Descriptor;

beforeEach(async () => {
  place = temporaryRoot();
  store = await openStore({ root: place.root, treeTool });
  const layer = await store.snapshots.write(undefined, [
    { path: "a", type: "file", mode: 0o644, uid: 0, gid: 0, mtime: 1, size: 1, source: { bytes: Buffer.from("a") } },
  ]);
  image = await store.images.assemble([layer], { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [layer.diffID] } });
  await store.images.tag("one", image);
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  place[Symbol.dispose]();
});

const IN_TOTO = "application/vnd.in-toto+json";

function statement(about: Digest): string {
  return JSON.stringify({ subject: [{ name: "_", digest: { sha256: encodedOf(about) } }], predicate: { says: "hello" } });
}

async function attachStatement(subject: Descriptor, title = "t"): Promise<Descriptor> {
  const layers = [{ mediaType: IN_TOTO, content: statement(subject.digest) }];
  return await attach(store, subject, { artifactType: IN_TOTO, layers, annotations: { title } });
}

async function json<Value>(digest: Digest): Promise<Value> {
  return JSON.parse(Buffer.from(await store.blobs.read(digest)).toString("utf8")) as Value;
}

/** With a process's session over, what it wrote is no longer young. */
async function collectAfresh(): Promise<void> {
  await store[Symbol.asyncDispose]();
  store = await openStore({ root: place.root, treeTool });
  await store.care.collect({ cache: true });
}

test("a referrer names its subject, keeps its content and is listed with its type and annotations", async () => {
  const referrer = await attachStatement(image);
  expect(await attachStatement(image)).toEqual(referrer);
  expect(referrersOf(store, image.digest)).toEqual([referrer]);
  expect(referrer).toMatchObject({ artifactType: IN_TOTO, annotations: { title: "t" } });
  const manifest = await json<Manifest>(referrer.digest);
  expect(manifest).toMatchObject({ artifactType: IN_TOTO, config: { mediaType: "application/vnd.oci.empty.v1+json", size: 2 } });
  expect(manifest.subject).toEqual({ mediaType: image.mediaType, digest: image.digest, size: image.size });
});

test("a collection keeps referrers, and theirs, as long as the image is there, and takes them with it", async () => {
  const sbom = await attachStatement(image);
  const signature = await attach(store, sbom, { artifactType: "application/example.signature", layers: [{ mediaType: "text/plain", content: "signed" }] });
  await collectAfresh();
  for (const { digest } of [sbom, signature]) expect(await store.blobs.stat(digest)).toBeDefined();
  await store.images.untag("one");
  await collectAfresh();
  for (const { digest } of [image, sbom, signature]) expect([digest, await store.blobs.stat(digest)]).toEqual([digest, undefined]);
  expect(referrersOf(store, image.digest)).toEqual([]);
  expect(referrersOf(store, sbom.digest)).toEqual([]);
});

test("when the image is packed, attestations name the digest it gets; what may be signed stays with the old one", async () => {
  await attachStatement(image);
  await attach(store, image, { artifactType: "application/example.signature", layers: [{ mediaType: "text/plain", content: "signed" }] });
  const packed = await exportableImage(store, image, { compression: "gzip" });
  expect(packed.digest).not.toBe(image.digest);
  const [referrer, ...more] = referrersOf(store, packed.digest);
  expect([referrer?.artifactType, more]).toEqual([IN_TOTO, []]);
  const { subject, layers } = await json<Manifest>(referrer!.digest);
  expect(subject?.digest).toBe(packed.digest);
  expect(await json(layers[0]!.digest)).toEqual(JSON.parse(statement(packed.digest)));
  await exportableImage(store, image, { compression: "gzip" });
  expect(referrersOf(store, packed.digest)).toEqual([referrer]);
});

test("an archive takes referrers along, and loading it brings them back without taking them for images", async () => {
  const sbom = await attachStatement(image);
  const signature = await attach(store, sbom, { artifactType: "application/example.signature", layers: [{ mediaType: "text/plain", content: "signed" }] });
  const archive = (): AsyncIterable<Uint8Array> =>
    saveImages(store.blobs, [{ name: "docker.io/library/one:latest", target: image }], (subject) => referrersOf(store, subject));
  using there = temporaryRoot();
  await using other = await openStore({ root: there.root, treeTool });
  const images = await loadImages(other.blobs, archive(), { onReferrer: async (subject, referrer) => await addReferrer(other, subject, referrer) });
  expect(images.map(({ name, target }) => [name, target.digest])).toEqual([["docker.io/library/one:latest", image.digest]]);
  expect(referrersOf(other, image.digest)).toEqual([sbom]);
  expect(referrersOf(other, sbom.digest)).toEqual([signature]);
  expect(await other.blobs.stat((await json<Manifest>(sbom.digest)).layers[0]!.digest)).toBeDefined();
});

test("what is about something else, or about nothing, is not recorded", async () => {
  const sbom = await attachStatement(image);
  for (const [subject, referrer] of [
    [sbom.digest, image],
    [sbom.digest, sbom],
  ] as const)
    await addReferrer(store, subject, referrer);
  expect([referrersOf(store, sbom.digest), referrersOf(store, image.digest)]).toEqual([[], [sbom]]);
});
