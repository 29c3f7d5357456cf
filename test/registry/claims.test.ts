/** Images that lie about themselves, and disks that cannot hold them: said with blob and host, nothing is left, and the store is whole. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { report } from "../../cli/errors.ts";
import { pull } from "../../registry/client/pull.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { openRepository } from "../../registry/client/repository.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import { runStrata } from "../support/cli.ts";
import { openStore } from "../../store/open.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { beginRange, serveImage, type FakeRegistry, type Odd } from "./fake-registry.ts";
import { tarOf } from "./image.ts";
import { blob, manifestOf, noise, unfinished, type TestBlob } from "./registry.ts";

let root: TemporaryRoot;
beforeEach(() => void (root = temporaryRoot()));
afterEach(() => root[Symbol.dispose]());

const tar = await tarOf({ file: noise(50_000) });
const layer = blob(tar, MEDIA_TYPE.layerTar);
const config = configOf([digestOf(tar)]);
const honest = manifestOf(config, [layer]);

function configOf(diffIDs: readonly string[], more: object = {}): TestBlob {
  return blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: diffIDs }, ...more }), MEDIA_TYPE.config);
}

function resized(part: TestBlob, size: number, more: object = {}): TestBlob {
  return { ...part, descriptor: { ...part.descriptor, size, ...more } };
}

function indexOf(...children: readonly TestBlob[]): TestBlob {
  const manifests = children.map(({ descriptor }) => ({ ...descriptor, platform: { architecture: "amd64", os: "linux" } }));
  return blob(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }), MEDIA_TYPE.index);
}

function nested(depth: number): readonly TestBlob[] {
  const chain = [honest];
  for (let level = 0; level < depth; level += 1) chain.unshift(indexOf(chain[0]!));
  return chain;
}

const PAGE = "<html><body>Log in to the guest network</body></html>";
const page: Odd = (_request, response) => response.writeHead(200, { "content-type": "text/html" }).end(PAGE) !== undefined;
const onlyLayer =
  (odd: Odd): Odd =>
  (request, response, part) =>
    part === layer && odd(request, response, part);

interface Row {
  readonly name: string;
  readonly top?: TestBlob;
  readonly parts?: readonly TestBlob[];
  readonly odd?: Odd;
  /** `BLOB` stands for the layer's digest. */
  readonly says: string;
}

const foreign = resized(layer, layer.bytes.length, {
  mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  urls: ["file:///etc/passwd"],
});

const rows: readonly Row[] = [
  {
    name: "10,000 layers",
    top: manifestOf(
      config,
      Array.from({ length: 10_000 }, () => layer),
    ),
    says: "it has 10000 layers",
  },
  { name: "indexes that stand ten deep", top: nested(10)[0]!, parts: nested(10), says: "its indexes stand more than 4 deep" },
  { name: "a config of a terabyte", top: manifestOf(resized(config, 1e12), [layer]), says: "is said to have 1000000000000 bytes" },
  { name: "a layer larger than the disk", top: manifestOf(config, [resized(layer, 2 ** 50)]), says: "1073741825 MiB, and" },
  { name: "a layer said to be longer", top: manifestOf(config, [resized(layer, layer.bytes.length + 1)]), says: "are expected" },
  { name: "a layer said to be shorter", top: manifestOf(config, [resized(layer, 100)]), says: "BLOB from HOST/app: the registry offers" },
  { name: "a layer given two sizes", top: manifestOf(config, [layer, resized(layer, 7)]), says: "BLOB is given two sizes" },
  { name: "an index that lies about a size", top: indexOf(resized(honest, 5)), parts: [honest], says: "where its index says 5" },
  { name: "fewer layers in the config", top: manifestOf(configOf([]), [layer]), parts: [configOf([])], says: "has 1 layers, and its config" },
  {
    name: "another tar than the config says",
    top: manifestOf(configOf([digestOf("x")]), [layer]),
    parts: [configOf([digestOf("x")])],
    says: "the digest of its tar is",
  },
  {
    name: "a foreign layer at file:///etc/passwd",
    top: manifestOf(config, [foreign]),
    parts: [config],
    says: "Cannot download BLOB from HOST/app: the registry answered 404",
  },
  {
    name: "an artifact instead of an image",
    top: manifestOf(blob("{}", "application/x.thing+json"), [layer]),
    says: 'it is no image, its config is of type "application/x.thing+json"',
  },
  {
    name: "a schema of 2013",
    top: blob('{"schemaVersion":1,"fsLayers":[]}', MEDIA_TYPE.manifest),
    says: "from HOST/app: cannot read manifest: it is not schema version 2",
  },
  { name: "brackets without end", top: blob("[".repeat(1 << 20), MEDIA_TYPE.manifest), says: "it is not JSON" },
  {
    name: "objects in objects, a hundred thousand deep",
    top: blob('{"a":'.repeat(100_000) + "1" + "}".repeat(100_000), MEDIA_TYPE.manifest),
    says: "it is not schema version 2",
  },
  { name: "a web page for a manifest", odd: page, says: "Cannot read manifest HOST/app:v1: what came is a web page" },
  {
    name: "a web page for a layer",
    odd: onlyLayer((_request, response) => response.writeHead(200, { "content-type": "text/html", "content-length": PAGE.length }).end(PAGE) !== undefined),
    says: "BLOB from HOST/app: the registry offers 53 bytes of a web page",
  },
  {
    name: "a layer of other bytes",
    odd: onlyLayer((_request, response) => response.end(noise(layer.bytes.length, 9)) !== undefined),
    says: "Cannot pull BLOB from HOST/app: cannot store BLOB: the content's digest is",
  },
  {
    name: "a layer that is not there",
    odd: onlyLayer((_request, response) => response.writeHead(404, { "content-type": "text/html" }).end(PAGE) !== undefined),
    says: "Cannot download BLOB from HOST/app: the registry answered 404",
  },
];

test("images that lie are refused with blob and host, and nothing of them stays", { timeout: 300_000 }, async () => {
  for (const [at, { name, top = honest, parts = [], odd, says }] of rows.entries()) {
    await using server = await serveImage(top, [...parts, config, ...(says.includes("404") ? [] : [layer])], odd);
    const place = join(root.root, String(at));
    mkdirSync(place);
    await using store = await openStore({ root: place, treeTool });
    const { status, text } = report(await failureOf(server.host, store));
    const wanted = says.replaceAll("BLOB", layer.descriptor.digest).replaceAll("HOST", server.host);
    expect([name, status, text]).toEqual([name, 1, expect.stringContaining(wanted)]);
    const damages: unknown[] = [];
    for await (const damage of store.care.check()) damages.push(damage);
    expect([name, unfinished(place), damages]).toEqual([name, [], []]);
  }
});

async function failureOf(host: string, store: Store): Promise<unknown> {
  await using remote = await openRemote(host, { env: {}, retry: { attempts: 2, firstMs: 1, longestMs: 1 } });
  const repository = openRepository(remote, "app");
  try {
    await pull(repository, store, await repository.read("v1"), { platform: { os: "linux", architecture: "amd64" } });
    return undefined;
  } catch (error) {
    return error;
  }
}

async function outcomeOnDisk(megabytes: number, run: (disk: TemporaryRoot) => Promise<void>): Promise<void> {
  const disk = join(root.root, "disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "strata-test-full", disk]);
  try {
    await run({ ...root, root: disk, env: { ...root.env, STRATA_ROOT: disk } });
  } finally {
    execFileSync("umount", ["-l", disk]);
  }
}

test("a layer that does not fit once it is unpacked ends in words, and the disk is as empty as before", { timeout: 300_000 }, async () => {
  const big = await tarOf({ zeros: Buffer.alloc(64 << 20) });
  const packed = blob(gzipSync(big), MEDIA_TYPE.layerGzip);
  const own = configOf([digestOf(big)]);
  await using server: FakeRegistry = await serveImage(manifestOf(own, [packed]), [own, packed]);
  await outcomeOnDisk(32, async (disk) => {
    const { status, stderr } = await runStrata(disk, ["pull", "-q", `${server.host}/app:v1`]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^strata: Cannot pull sha256:\w+ from 127\.0\.0\.1:\d+\/app: .*(?:ENOSPC|no space left)/)]);
    expect(unfinished(disk.root)).toEqual([]);
    expect(await runStrata(disk, ["system", "check"])).toMatchObject({ status: 0 });
    expect(await runStrata(disk, ["images", "-q"])).toMatchObject({ status: 0, stdout: "" });
  });
});

test.each([
  { name: "says nothing any more", drip: undefined },
  { name: "drips a byte now and then", drip: 300 },
])("a server that $name is given up", async ({ drip }) => {
  await using server = await serveImage(honest, [config, layer], (request, response, part) => {
    if (part !== layer) return false;
    const bytes = beginRange(request, response, part);
    response.write(bytes.subarray(0, 1));
    let at = 1;
    const timer = setInterval(() => response.write(bytes.subarray(at, (at += 1))), drip ?? 1 << 30);
    response.on("close", () => clearInterval(timer));
    return true;
  });
  await using remote = await openRemote(server.host, { env: {}, idleMs: 1_500, retry: { attempts: 3, firstMs: 1, longestMs: 1 } });
  const read = async (): Promise<number> => {
    let count = 0;
    for await (const chunk of openRepository(remote, "app").fetch(layer.descriptor)) count += chunk.length;
    return count;
  };
  await expect(read()).rejects.toMatchObject({
    code: "UNREACHABLE",
    message: expect.stringMatching(
      new RegExp(`^Cannot download ${layer.descriptor.digest} from ${server.host}/app: (?:only \\d+ bytes came in|the connection was cut)`),
    ),
  });
});

test("a tag that moves between two questions gives one image or the other, whole", async () => {
  const other = manifestOf(config, [layer], { annotations: { version: "2" } });
  let asked = 0;
  await using server = await serveImage(honest, [config, layer, other], (request, response) => {
    if (!(request.url ?? "").endsWith("/manifests/v1")) return false;
    const now = asked++ % 2 === 0 ? honest : other;
    response.writeHead(200, { "content-type": MEDIA_TYPE.manifest, "docker-content-digest": now.descriptor.digest, "content-length": now.bytes.length });
    response.end(request.method === "HEAD" ? undefined : now.bytes);
    return true;
  });
  for (const wanted of [honest, other]) {
    const { status, stdout } = await runStrata(root, ["pull", `${server.host}/app:v1`]);
    expect([status, stdout]).toEqual([0, expect.stringContaining(`Digest: ${wanted.descriptor.digest}`)]);
  }
  expect(await runStrata(root, ["system", "check"])).toMatchObject({ status: 0 });
});

test("a manifest with another digest than the answer says is refused", async () => {
  await using server = await serveImage(honest, [config, layer], (request, response, part) => {
    if (part !== honest) return false;
    response.writeHead(200, { "content-type": MEDIA_TYPE.manifest, "docker-content-digest": layer.descriptor.digest }).end(honest.bytes);
    return request.url !== undefined;
  });
  const { status, stderr } = await runStrata(root, ["pull", `${server.host}/app:v1`]);
  expect([status, stderr]).toEqual([1, expect.stringContaining(`Cannot read manifest ${server.host}/app:v1: ${layer.descriptor.digest} was expected`)]);
});
