/** How blobs come: over several connections, from where they were cut, unpacked on the way, in every packing. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { pull } from "../../registry/client/pull.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { openRepository } from "../../registry/client/repository.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { storeOfEachTest } from "../support/store.ts";
import { beginRange, rangeOf, serveImage, type FakeRegistry } from "./fake-registry.ts";
import { configOf, tarOf } from "./image.ts";
import { blob, manifestOf, noise, unfinished } from "./registry.ts";

const MIB = 1 << 20;
const retry = { attempts: 4, firstMs: 5, longestMs: 50 };

const { place: scratch, store } = storeOfEachTest();

async function pullFrom({ host }: Pick<FakeRegistry, "host">, options: { readonly unpack?: boolean } = {}): Promise<void> {
  await using remote = await openRemote(host, { env: { HOME: scratch.root }, retry });
  const repository = openRepository(remote, "app");
  await pull(repository, store, await repository.read("v1"), options);
}

const chunk = noise(MIB);
const large = blob(Buffer.concat(Array.from({ length: 33 }, (_, index) => Buffer.concat([Buffer.from([index]), chunk]))));
const largeImage = manifestOf(configOf(digestOf(large.bytes)), [large]);
const parts = [configOf(digestOf(large.bytes)), large];

test("a large blob comes in ranges over several connections, each byte once; a range that is cut goes on where it was", async () => {
  const ranges: { readonly start: number; readonly end: number }[] = [];
  const waiting: (() => void)[] = [];
  let cuts = 0;
  await using server = await serveImage(largeImage, parts, (request, response, part) => {
    if (part !== large) return false;
    const range = rangeOf(request, part);
    const bytes = beginRange(request, response, part);
    if (cuts === 0 && range.start > 0) {
      cuts += 1;
      ranges.push({ start: range.start, end: range.start + 100_000 });
      response.write(bytes.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    }
    ranges.push(range);
    waiting.push(() => response.end(bytes));
    if (waiting.length === 3 || ranges.length > 4) for (const go of waiting.splice(0)) go(); // nothing until three are open at once
    return true;
  });
  await pullFrom(server, { unpack: false });
  expect((await store.blobs.stat(large.descriptor.digest))?.size).toBe(large.bytes.length);
  const sorted = ranges.toSorted((a, b) => a.start - b.start);
  expect(sorted.length).toBeGreaterThan(5);
  expect(sorted.map(({ start }) => start)).toEqual([0, ...sorted.slice(0, -1).map(({ end }) => end)]);
  expect(sorted.at(-1)?.end).toBe(large.bytes.length);
});

test("from a registry that knows no ranges a large blob comes whole, once", async () => {
  await using server = await serveImage(largeImage, parts, (_request, response, part) => part === large && response.end(large.bytes) !== undefined);
  await pullFrom(server, { unpack: false });
  expect((await store.blobs.stat(large.descriptor.digest))?.size).toBe(large.bytes.length);
  expect(server.asked.filter((line) => line.includes(large.descriptor.digest))).toHaveLength(1);
});

test("a range that is refused for good ends the others and leaves nothing", async () => {
  await using server = await serveImage(largeImage, parts, (request, response, part) => {
    if (part !== large) return false;
    if (rangeOf(request, part).start > 0) response.writeHead(403).end();
    else response.end(beginRange(request, response, part));
    return true;
  });
  const place = `${server.host}/app`;
  await expect(pullFrom(server, { unpack: false })).rejects.toMatchObject({
    code: "DENIED",
    message: expect.stringContaining(`${large.descriptor.digest} from ${place}`),
  });
  expect([unfinished(scratch.root), await store.blobs.stat(large.descriptor.digest)]).toEqual([[], undefined]);
});

const files = { "a/first": noise(MIB, 3), "b/second": noise(MIB, 4) };

test.each([
  { name: "plain", pack: (tar: Buffer) => tar, mediaType: MEDIA_TYPE.layerTar },
  { name: "gzip", pack: (tar: Buffer) => gzipSync(tar), mediaType: MEDIA_TYPE.layerGzip },
  { name: "zstd", pack: (tar: Buffer) => execFileSync("zstd", ["-c"], { input: tar, maxBuffer: 16 * MIB }), mediaType: MEDIA_TYPE.layerZstd },
])("of a $name layer the first files are there before the last byte has come", async ({ pack, mediaType }) => {
  const tar = await tarOf(files);
  const layer = blob(pack(tar), mediaType);
  const config = configOf(digestOf(tar));
  let held: ServerResponse | undefined;
  const half = Math.ceil(layer.bytes.length * 0.75);
  await using server = await serveImage(manifestOf(config, [layer]), [config, layer], (request, response, part) => {
    if (part !== layer) return false;
    beginRange(request, response, part);
    response.write(layer.bytes.subarray(0, half));
    held = response;
    return true;
  });
  const pulling = pullFrom(server);
  const first = (): number | undefined =>
    unfinished(scratch.root)
      .map((name) => join(scratch.root, "ingest", name, "fs/a/first"))
      .flatMap((path) => (existsSync(path) ? [statSync(path).size] : []))[0];
  await expect.poll(first, { timeout: 120_000 }).toBe(MIB);
  held?.end(layer.bytes.subarray(half));
  await pulling;
  expect(unfinished(scratch.root)).toEqual([]);
});

describe("a zstd layer", () => {
  const pack = (tar: Buffer): Buffer => execFileSync("zstd", ["-c"], { input: tar, maxBuffer: 16 * MIB });

  test.each([
    { name: "goes on with what is there of it", spoil: false },
    { name: "begins again when that is damaged", spoil: true },
  ])("$name", async ({ spoil }) => {
    const tar = await tarOf(files);
    const layer = blob(pack(tar), MEDIA_TYPE.layerZstd);
    const config = configOf(digestOf(tar));
    const half = Buffer.from(layer.bytes.subarray(0, layer.bytes.length / 2));
    if (spoil) half.fill(0, 1_000, 2_000);
    writeFileSync(join(scratch.root, "ingest", `partial.${layer.descriptor.digest.replace(":", ".")}.left.00`), half);
    const starts: number[] = [];
    await using server = await serveImage(manifestOf(config, [layer]), [config, layer], (request, _response, part) => {
      if (part === layer) starts.push(rangeOf(request, part).start);
      return false;
    });
    await pullFrom(server);
    expect(starts).toEqual(spoil ? [half.length, 0] : [half.length]);
    const [folder = ""] = readdirSync(join(scratch.root, "layers"));
    expect(readFileSync(join(scratch.root, "layers", folder, "fs/b/second")).equals(files["b/second"])).toBe(true);
    expect(unfinished(scratch.root)).toEqual([]);
  });

  test.each([
    { name: "is none", bytes: noise(300_000, 8), says: "zstd says" },
    { name: "is cut short", bytes: pack(noise(300_000, 8)).subarray(0, 200_000), says: "zstd says" },
    { name: "holds no tar", bytes: pack(noise(300_000, 8)), says: "Cannot" },
  ])("that $name is refused", async ({ bytes, says }) => {
    const layer = blob(bytes, MEDIA_TYPE.layerZstd);
    const config = configOf(digestOf("x"));
    await using server = await serveImage(manifestOf(config, [layer]), [config, layer]);
    await expect(pullFrom(server)).rejects.toMatchObject({ code: "LAYER_INVALID", message: expect.stringContaining(says) });
    expect(unfinished(scratch.root)).toEqual([]);
  });

  test("that breaks off is given up, and the program with it", async () => {
    const tar = await tarOf(files);
    const layer = blob(pack(tar), MEDIA_TYPE.layerZstd);
    const config = configOf(digestOf(tar));
    await using server = await serveImage(manifestOf(config, [layer]), [config, layer], (request, response, part) => {
      if (part !== layer) return false;
      const bytes = beginRange(request, response, part);
      response.write(bytes.subarray(0, rangeOf(request, part).start === 0 ? 100_000 : 0), () => response.destroy());
      return true;
    });
    await expect(pullFrom(server)).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(unfinished(scratch.root)).toEqual([]);
  });
});

test("layers of every packing, and one twice, give the files that were packed", async () => {
  const tars = await Promise.all([1, 2, 3].map(async (seed) => await tarOf({ [`f${seed}`]: noise(200_000, seed), shared: Buffer.from(String(seed)) })));
  const zstd = execFileSync("zstd", ["-c"], { input: tars[2], maxBuffer: 16 * MIB });
  const layers = [blob(tars[0]!, MEDIA_TYPE.layerTar), blob(gzipSync(tars[1]!), MEDIA_TYPE.layerGzip), blob(zstd, MEDIA_TYPE.layerZstd)];
  const stack = [...layers, layers[0]!];
  const config = configOf(...[...tars, tars[0]!].map((tar) => digestOf(tar)));
  const image = manifestOf(config, stack);
  await using server = await serveImage(image, [config, ...layers]);
  await pullFrom(server);
  await store.images.tag("packed:v1", image.descriptor);
  const view = await store.snapshots.view((await store.images.open("packed:v1")).chain);
  expect(await view.list("")).toEqual(["f1", "f2", "f3", "shared"]);
  expect(Buffer.from((await view.read("f3")) ?? []).equals(noise(200_000, 3))).toBe(true);
  expect(Buffer.from((await view.read("shared")) ?? []).toString()).toBe("1");
  for (const { descriptor } of layers) expect(server.asked.filter((line) => line.includes(descriptor.digest))).toHaveLength(1);
});

test("the same files under another packing are not unpacked again, and its blob is there nevertheless", async () => {
  const tar = await tarOf(files);
  const config = configOf(digestOf(tar));
  const [plain, packed] = [blob(tar, MEDIA_TYPE.layerTar), blob(gzipSync(tar), MEDIA_TYPE.layerGzip)];
  for (const layer of [plain, packed]) {
    await using server = await serveImage(manifestOf(config, [layer]), [config, layer]);
    await pullFrom(server);
    expect((await store.blobs.stat(layer.descriptor.digest))?.size).toBe(layer.bytes.length);
  }
  expect(readdirSync(join(scratch.root, "layers"))).toHaveLength(1);
});
