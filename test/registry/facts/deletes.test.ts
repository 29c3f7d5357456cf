/** Delete: gone at once, and where it is off. */
import { expect, test } from "vitest";
import { blob, noise, pushImage, putManifest, startRegistry, unknownDigest, type TestBlob } from "../registry.ts";
import { registry, layer, index, call, errorCode } from "./served.ts";

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

test("Delete: an index goes without its images, and an image without its index", async () => {
  const [one, two] = [
    await pushImage(registry, "del/index", "one", { annotations: { n: "1" } }),
    await pushImage(registry, "del/index", "two", { annotations: { n: "2" } }),
  ];
  const list = index([one, two]);
  expect((await putManifest(registry, "del/index", "list", list)).status).toBe(201);
  const drop = async ({ descriptor }: TestBlob): Promise<number> => (await call(`/v2/del/index/manifests/${descriptor.digest}`, { method: "DELETE" })).status;
  const see = async (...references: readonly string[]): Promise<readonly number[]> =>
    await Promise.all(references.map(async (reference) => (await call(`/v2/del/index/manifests/${reference}`, { method: "HEAD" })).status));
  expect([await drop(one), await see("list", "one", "two")]).toEqual([202, [200, 404, 200]]);
  expect([await drop(list), await see("list", list.descriptor.digest, "two")]).toEqual([202, [404, 404, 200]]);
  expect([await drop(list), await drop(two), await see("two")]).toEqual([404, 202, [404]]);
  expect(await (await call("/v2/del/index/tags/list")).json()).toEqual({ name: "del/index", tags: [] });
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
