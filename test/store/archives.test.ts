import { execFile, execFileSync } from "node:child_process";
import { createReadStream, createWriteStream, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadImages } from "../../store/archive/load.ts";
import { saveImages, type SavedImage } from "../../store/archive/save.ts";
import { digestOf, type Digest } from "../../store/digest.ts";
import { copyImage } from "../../store/image/copy.ts";
import { exportableImage } from "../../store/image/exportable.ts";
import { openStore } from "../../store/open.ts";
import { MEDIA_TYPE, type Descriptor, type Manifest } from "../../store/oci.ts";
import type { Layer, Store } from "../../store/store.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { tarOf } from "./tars.ts";

const run = promisify(execFile);

let place: TemporaryRoot;
let store: Store;
let other: Store;
let target: Descriptor;
let layers: readonly Layer[];

beforeEach(async () => {
  place = temporaryRoot();
  store = await openStore({ root: place.root, treeTool });
  other = await openStore({ root: join(place.runRoot, "other"), treeTool });
  layers = await twoLayers();
  target = await store.images.assemble(layers, {
    os: "linux",
    architecture: "amd64",
    created: "2024-01-01T00:00:00Z",
    config: { Cmd: ["/a"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffID }) => diffID) },
  });
  await store.images.tag("localhost/team/hello:v1", target);
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  place[Symbol.dispose]();
});

async function twoLayers(): Promise<readonly Layer[]> {
  const meta = { mode: 0o755, uid: 0, gid: 0, mtime: 5 };
  const base = await store.snapshots.write(undefined, [
    { ...meta, path: "a", type: "file", source: { bytes: Buffer.from("first") } },
    { ...meta, path: "d", type: "directory" },
  ]);
  return [
    base,
    await store.snapshots.write(base.chainID, [
      { ...meta, path: "d/b", type: "file", source: { bytes: Buffer.alloc(100_000, "text ") } },
      { ...meta, path: "a", type: "whiteout" },
    ]),
  ];
}

const archive = (): string => join(place.runRoot, "image.tar");
const saved = (): SavedImage => ({ name: "localhost/team/hello:v1", target });

async function save(...images: readonly SavedImage[]): Promise<string> {
  await pipeline(Readable.from(saveImages(store.blobs, images), { objectMode: false }), createWriteStream(archive()));
  return archive();
}

async function load(file: string): Promise<readonly SavedImage[]> {
  return await loadImages(other.blobs, createReadStream(file) as AsyncIterable<Uint8Array>);
}

async function idOf(from: Store, descriptor: Descriptor): Promise<Digest> {
  return (await from.images.read(descriptor)).id;
}

test("what was saved is loaded elsewhere: the same manifest, id, names and files", async () => {
  const [loaded, ...more] = await load(await save(saved(), { ...saved(), name: "docker.io/library/hello:again" }));
  expect(loaded).toMatchObject({ name: "localhost/team/hello:v1", target: { digest: target.digest } });
  expect(more.map(({ name }) => name)).toEqual(["docker.io/library/hello:again"]);
  const chain = await other.images.unpack(await other.images.read(target));
  expect(chain).toBe(layers[1]!.chainID);
  expect(await (await other.snapshots.view(chain)).list("/")).toEqual(["d"]);
});

test("saving twice gives the same bytes", async () => {
  const first = readFileSync(await save(saved()));
  expect(readFileSync(await save(saved())).equals(first)).toBe(true);
});

const formats = [
  { format: "oci-archive", compression: "none" as const },
  { format: "oci-archive", compression: "gzip" as const },
  { format: "oci-archive", compression: "zstd" as const },
  { format: "docker-archive", compression: "none" as const },
  { format: "docker-archive", compression: "gzip" as const },
];
test.each(formats)("skopeo reads it as $format with $compression layers, and what it writes is loaded", async ({ format, compression }) => {
  const packed = await exportableImage(store, target, { compression });
  await save({ ...saved(), target: packed });
  const { stdout } = await run("skopeo", ["inspect", "--config", `${format}:${archive()}`]);
  expect((JSON.parse(stdout) as { rootfs: { diff_ids: string[] } }).rootfs.diff_ids).toEqual(layers.map(({ diffID }) => diffID));
  const copied = join(place.runRoot, "copied.tar");
  await run("skopeo", ["--insecure-policy", "copy", "-q", `${format}:${archive()}`, `${format}:${copied}:localhost/team/copied:v2`]);
  const [loaded] = await load(copied);
  expect(loaded?.name).toBe("localhost/team/copied:v2");
  await other.images.unpack(await other.images.read(loaded!.target));
  expect(await other.snapshots.lowers(layers[1]!.chainID)).toHaveLength(2);
});

test("an archive packed as a whole is loaded too", async () => {
  writeFileSync(archive(), gzipSync(readFileSync(await save(saved()))));
  expect((await load(archive()))[0]?.target.digest).toBe(target.digest);
});

test("docker's old form, with a layer that is a link to another's, is loaded", async () => {
  const layer = tarOf({ name: "file", text: "x" });
  const config = JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [digestOf(layer), digestOf(layer)] } });
  const folder = join(place.runRoot, "old");
  mkdirSync(join(folder, "one"), { recursive: true });
  mkdirSync(join(folder, "two"));
  writeFileSync(join(folder, "one/layer.tar"), layer);
  execFileSync("ln", ["-s", "../one/layer.tar", join(folder, "two/layer.tar")]);
  writeFileSync(join(folder, "config.json"), config);
  writeFileSync(join(folder, "manifest.json"), JSON.stringify([{ Config: "config.json", RepoTags: ["old:1"], Layers: ["one/layer.tar", "two/layer.tar"] }]));
  execFileSync("tar", ["-cf", archive(), "-C", folder, "."]);
  const [loaded] = await load(archive());
  expect(loaded?.name).toBe("docker.io/library/old:1");
  expect(await idOf(other, loaded!.target)).toBe(digestOf(config));
  await other.images.unpack(await other.images.read(loaded!.target));
});

const refused: readonly { readonly name: string; readonly tar: Buffer; readonly code: string; readonly says?: string }[] = [
  { name: "neither index nor manifest", tar: tarOf({ name: "x", text: "x" }), code: "ARCHIVE_INVALID" },
  { name: "a blob that is not what its name says", tar: tarOf({ name: `blobs/sha256/${"0".repeat(64)}`, text: "x" }), code: "DIGEST_MISMATCH" },
  ...['{"', "[null]", '[{"Config":"c","Layers":[5]}]', '[{"Config":"c","Layers":[],"RepoTags":"x"}]'].map((text) => ({
    name: `a docker manifest ${text}`,
    tar: tarOf({ name: "manifest.json", text }),
    code: "ARCHIVE_INVALID",
  })),
  { name: "what is no tar", tar: Buffer.alloc(4096, "x"), code: "ARCHIVE_INVALID", says: "it is no archive" },
  { name: "a short text", tar: Buffer.from("hello\n"), code: "ARCHIVE_INVALID", says: "it is no archive" },
  { name: "a short text, packed", tar: gzipSync("hello\n"), code: "ARCHIVE_INVALID", says: "it is no archive" },
  { name: "an empty file", tar: Buffer.alloc(0), code: "ARCHIVE_INVALID", says: "it is empty" },
  { name: "nothing, packed", tar: gzipSync(""), code: "ARCHIVE_INVALID", says: "it is empty" },
  { name: "a tar cut short", tar: tarOf({ name: "x", text: "x".repeat(4000) }).subarray(0, 1500), code: "ARCHIVE_INVALID" },
  { name: "gzip cut short", tar: gzipSync(tarOf({ name: "x", text: "x" })).subarray(0, 30), code: "ARCHIVE_INVALID" },
  {
    name: "a manifest that names what is not there",
    tar: tarOf({ name: "manifest.json", text: '[{"Config":"c.json","Layers":[]}]' }),
    code: "ARCHIVE_INVALID",
  },
  {
    name: "an index that names what is not there",
    tar: tarOf(
      { name: "oci-layout", text: "{}" },
      { name: "index.json", text: JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: MEDIA_TYPE.manifest, digest: digestOf("x"), size: 1 }] }) },
    ),
    code: "ARCHIVE_INVALID",
  },
];
test.each(refused)("refuses $name", async ({ tar, code, says = "" }) => {
  writeFileSync(archive(), tar);
  await expect(load(archive())).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
});

test("copyImage copies from the leaves up, only what is missing, and tells what it does", async () => {
  const packed = await exportableImage(store, target, { compression: "gzip" });
  const index: Descriptor = {
    mediaType: MEDIA_TYPE.index,
    ...(await store.blobs.put(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.index,
        manifests: [
          { ...packed, platform: { os: "linux", architecture: "amd64" } },
          { mediaType: MEDIA_TYPE.manifest, digest: digestOf("elsewhere"), size: 9, platform: { os: "linux", architecture: "s390x" } },
        ],
      }),
    )),
  };
  const pushed: string[] = [];
  const sink = {
    has: other.blobs.has,
    push: async (descriptor: Descriptor, content: AsyncIterable<Uint8Array>) => {
      await other.blobs.push(descriptor, content);
      pushed.push(descriptor.mediaType);
    },
  };
  const isHere = async (descriptor: Descriptor): Promise<boolean> => await store.blobs.has(descriptor);
  await copyImage(store.blobs, sink, index, { isHere });
  expect(pushed.slice(-2)).toEqual([MEDIA_TYPE.manifest, MEDIA_TYPE.index]);
  expect(pushed).toHaveLength(5);
  const states: string[] = [];
  await copyImage(store.blobs, sink, packed, { onProgress: (_, state) => states.push(state) });
  expect([pushed.length, states]).toEqual([5, Array(4).fill("present")]);
  expect((await copyImage(store.blobs, sink, index, { platform: { os: "linux", architecture: "amd64" } })).digest).toBe(packed.digest);
  await expect(copyImage(store.blobs, sink, index, { platform: { os: "linux", architecture: "mips" } })).rejects.toMatchObject({ code: "PLATFORM_UNKNOWN" });
  await expect(copyImage(store.blobs, sink, target, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
});

test("an exported image keeps its id; exporting twice gives the same manifest", async () => {
  const first = await exportableImage(store, target, { compression: "gzip" });
  expect(await exportableImage(store, target, { compression: "gzip" })).toEqual(first);
  expect(await exportableImage(store, first, { compression: "gzip" })).toBe(first);
  expect([first.digest === target.digest, await idOf(store, first)]).toEqual([false, await idOf(store, target)]);
});

/** An image with one layer of another maker below one that was built here, as a build on a pulled base gives. */
async function onPulledBase(mediaType: string, pack: (tar: Buffer) => Buffer): Promise<{ readonly image: Descriptor; readonly base: Digest }> {
  const tar = tarOf({ name: "theirs", text: "x".repeat(2000), mtime: 77.5 });
  const blob = await store.blobs.put(pack(tar));
  const base = await store.snapshots.apply(undefined, { mediaType, ...blob }, digestOf(tar));
  const meta = { mode: 0o644, uid: 0, gid: 0, mtime: 5 };
  const own = await store.snapshots.write(base.chainID, [{ ...meta, path: "ours", type: "file", source: { bytes: Buffer.from("o".repeat(2000)) } }]);
  const config = { os: "linux", architecture: "amd64", rootfs: { type: "layers" as const, diff_ids: [base.diffID, own.diffID] } };
  return { image: await store.images.assemble([base, own], config), base: blob.digest };
}

const TAR = "application/vnd.oci.image.layer.v1.tar";
const DOCKER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const forms = [
  { name: "as it came beside zstd", form: { compression: "zstd" }, types: ["+gzip", "+zstd"], isKept: true },
  { name: "as it came beside plain tars", form: { compression: "none" }, types: ["+gzip", ""], isKept: true },
  { name: "packed anew when forced", form: { compression: "zstd", level: 5, force: true }, types: ["+zstd", "+zstd"], isKept: false },
  { name: "unpacked when forced", form: { compression: "none", force: true }, types: ["", ""], isKept: false },
] as const;
test.each(forms)("a layer of a pulled base leaves $name", async ({ form, types, isKept }) => {
  const { image, base } = await onPulledBase(DOCKER_GZIP, (tar) => gzipSync(tar));
  const exported = await exportableImage(store, image, form);
  const { manifest, id } = await store.images.read(exported);
  expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual(types.map((type) => TAR + type));
  expect(manifest.layers[0]?.digest === base).toBe(isKept);
  expect(id).toBe(await idOf(store, image));
  expect(await exportableImage(store, image, form)).toEqual(exported);
  await save({ name: "localhost/team/based:v1", target: exported });
  const [loaded] = await load(archive());
  await other.images.unpack(await other.images.read(loaded!.target));
  const { stdout } = await run("skopeo", ["inspect", "--config", `oci-archive:${archive()}`]);
  expect(JSON.parse(stdout)).toMatchObject({ rootfs: { diff_ids: [expect.any(String), expect.any(String)] } });
});

test("the tar of a pulled zstd layer is made into gzip of another level, the same twice", async () => {
  const { image } = await onPulledBase("application/vnd.oci.image.layer.v1.tar+zstd", (tar) => execFileSync("zstd", ["-cq"], { input: tar }));
  const digests: string[] = [];
  for (const from of [store, store]) digests.push((await exportableImage(from, image, { compression: "gzip", level: 9, force: true })).digest);
  expect(digests[0]).toBe(digests[1]);
  expect((await exportableImage(store, image, { compression: "gzip", level: 1, force: true })).digest).not.toBe(digests[0]);
});

test("an archive whose manifest and config are named by sha512 is loaded", async () => {
  const { config, ...manifest } = JSON.parse(Buffer.from(await store.blobs.read(target.digest)).toString("utf8")) as Manifest;
  const put = async (bytes: Uint8Array | string, mediaType: string): Promise<Descriptor> => ({ mediaType, ...(await store.blobs.put(bytes, "sha512")) });
  const own = await put(await store.blobs.read(config.digest), MEDIA_TYPE.config);
  const named = await put(JSON.stringify({ ...manifest, config: own }), MEDIA_TYPE.manifest);
  const [loaded] = await load(await save({ name: saved().name, target: named }));
  expect(loaded?.target).toEqual(named);
  expect(await idOf(other, named)).toBe(own.digest);
});
