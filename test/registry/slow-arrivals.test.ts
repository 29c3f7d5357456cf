/** Transfers into the store that last for hours beside collections: every part is there when the image is named. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf, encodedOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { openStore } from "../../store/open.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { strata, temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { serveImage, type FakeRegistry } from "./fake-registry.ts";
import { configOf, tarOf } from "./image.ts";
import { blob, manifestOf, noise, type TestBlob } from "./registry.ts";

const tars = [await tarOf({ first: noise(3_000, 1) }), await tarOf({ second: noise(50_000, 2) })] as const;
const layers = tars.map((tar) => blob(gzipSync(tar), MEDIA_TYPE.layerGzip));
const config = configOf(...tars.map((tar) => digestOf(tar)));
const image = manifestOf(config, layers);
const early = [config, layers[0]!];

let root: TemporaryRoot;
beforeEach(() => void (root = temporaryRoot()));
afterEach(() => root[Symbol.dispose]());

/** Once these blobs and so many layers are there: two hours pass, and somebody prunes. */
async function letHoursPass(blobs: readonly TestBlob[], folders: number): Promise<void> {
  const isThere = ({ descriptor }: TestBlob): boolean => existsSync(join(root.root, "blobs/sha256", encodedOf(descriptor.digest)));
  for (let tries = 0; !blobs.every(isThere) || readdirSync(join(root.root, "layers")).length < folders; tries++) {
    if (tries > 1000) throw new Error("the first parts never came");
    await sleep(20);
  }
  const past = Date.now() / 1000 - 7200;
  for (const folder of ["ingest", "blobs/sha256", "layers"])
    for (const name of readdirSync(join(root.root, folder))) if (!name.startsWith("partial.")) utimesSync(join(root.root, folder, name), past, past);
  await using store = await openStore({ root: root.root, treeTool });
  await store.care.collect({ cache: true });
}

/** The second layer comes after hours. */
async function serveSlowly(folders: number): Promise<FakeRegistry> {
  let isSlow = true;
  return await serveImage(image, [config, ...layers], (request, response, part) => {
    if (part === undefined || part !== layers[1] || request.method !== "GET" || !isSlow) return false;
    isSlow = false;
    void letHoursPass(early, folders).then(
      () => response.end(part.bytes),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
    return true;
  });
}

async function expectWhole(name: string): Promise<void> {
  expect(await runStrata(root, ["system", "check"])).toMatchObject({ status: 0 });
  await strataOutput(root, "copy", "-q", name, `dir:${join(root.root, "../whole")}`);
  await using store = await openStore({ root: root.root, treeTool });
  expect(store.leases.list()).toEqual([]);
}

test("pull", async () => {
  await using server = await serveSlowly(1);
  const name = `${server.host}/app:v1`;
  expect(await runStrata(root, ["pull", "-q", name])).toMatchObject({ status: 0, stderr: "" });
  expect((await runStrata(root, ["create", name, "/first"])).status).toBe(0);
  await expectWhole(name);
});

test("copy", async () => {
  await using server = await serveSlowly(0);
  expect(await runStrata(root, ["copy", "-q", `docker://${server.host}/app:v1`, "app:v1"])).toMatchObject({ status: 0 });
  await expectWhole("app:v1");
});

test("copy, of an image whose manifest alone is left", async () => {
  await using server = await serveImage(image, [config, ...layers]);
  {
    await using store = await openStore({ root: root.root, treeTool });
    await store.blobs.put(image.bytes);
  }
  expect(await runStrata(root, ["copy", "-q", `docker://${server.host}/app:v1`, "app:v1"])).toMatchObject({ status: 0 });
  await expectWhole("app:v1");
});

test("load", async () => {
  const path = ({ descriptor }: TestBlob): string => `blobs/sha256/${encodedOf(descriptor.digest)}`;
  const index = { schemaVersion: 2, manifests: [{ ...image.descriptor, annotations: { "io.containerd.image.name": "docker.io/library/app:v1" } }] };
  const part = async (files: readonly TestBlob[], more: Readonly<Record<string, Buffer>> = {}): Promise<Buffer> =>
    await tarOf({ ...Object.fromEntries(files.map((file) => [path(file), file.bytes])), ...more });
  const first = await part(early);
  const second = await part([layers[1]!, image], { "oci-layout": Buffer.from("{}"), "index.json": Buffer.from(JSON.stringify(index)) });
  const child = spawn(process.execPath, [strata, "load", "-q"], { env: root.env, stdio: ["pipe", "ignore", "inherit"] });
  const ended = once(child, "exit");
  child.stdin.write(Buffer.concat([first.subarray(0, -1024), second.subarray(0, 512)])); // an entry ends where the next begins
  await letHoursPass(early, 0);
  child.stdin.end(second.subarray(512));
  expect(await ended).toEqual([0, null]);
  await expectWhole("app:v1");
});
