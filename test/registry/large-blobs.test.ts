/** Blobs so large that they do not go through Node: what else an upload and a download are has to hold for them too. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blob, noise, pushBlob, startRegistry, unfinished, type TestRegistry } from "./registry.ts";

const content = blob(noise(5 << 20, 11));
const { bytes, descriptor } = content;
let registry: TestRegistry;
beforeAll(async () => void (registry = await startRegistry()));
afterAll(async () => await registry[Symbol.asyncDispose]());

async function openUpload(): Promise<string> {
  return registry.url + (await fetch(`${registry.url}/v2/large/blobs/uploads/`, { method: "POST" })).headers.get("location");
}

/** Bytes that the server has of it. */
async function reached(location: string): Promise<number> {
  const range = (await fetch(location)).headers.get("range") ?? "";
  const last = Number(range.slice("0-".length));
  return last === 0 ? 0 : last + 1;
}

async function download(digest: string, range?: string): Promise<Buffer> {
  const reply = await fetch(`${registry.url}/v2/large/blobs/${digest}`, range === undefined ? {} : { headers: { range } });
  return Buffer.from(await reply.arrayBuffer());
}

test("an upload that is cut goes on where it was, also while it comes, and is exact in whole and in parts", async () => {
  const location = await openUpload();
  const socket = connect(Number(new URL(location).port), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(`PATCH ${new URL(location).pathname} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${bytes.length}\r\n\r\n`);
  socket.write(bytes.subarray(0, 3 << 20));
  await expect.poll(async () => await reached(location)).toBe(3 << 20);
  socket.resetAndDestroy();
  await once(socket, "close");
  const rest = new Uint8Array(bytes.subarray(3 << 20));
  const patch = await fetch(location, { method: "PATCH", body: rest, headers: { "content-range": `${3 << 20}-${bytes.length - 1}` } });
  expect([patch.status, patch.headers.get("range")]).toEqual([202, `0-${bytes.length - 1}`]);
  expect((await fetch(`${location}?digest=${descriptor.digest}`, { method: "PUT" })).status).toBe(201);
  expect((await download(descriptor.digest)).equals(bytes)).toBe(true);
  expect((await download(descriptor.digest, "bytes=1000-3000000")).equals(bytes.subarray(1000, 3_000_001))).toBe(true);
  expect((await download(descriptor.digest, "bytes=-200000")).equals(bytes.subarray(-200_000))).toBe(true);
});

test("content that is not what its digest says is refused, and nothing is kept", async () => {
  const other = blob(noise(2 << 20, 12));
  const location = await openUpload();
  const put = await fetch(`${location}?digest=${other.descriptor.digest}`, { method: "PUT", body: new Uint8Array(bytes) });
  expect(put.status).toBe(400);
  expect((await fetch(location)).status).toBe(404);
  expect((await fetch(`${registry.url}/v2/large/blobs/${other.descriptor.digest}`)).status).toBe(404);
  expect(unfinished(registry.store.root)).toEqual([]);
});

test("a sha512 is taken as well, and what is there already is a success", async () => {
  const digest = `sha512:${createHash("sha512").update(bytes).digest("hex")}`;
  const put = await fetch(`${await openUpload()}?digest=${digest}`, { method: "PUT", body: new Uint8Array(bytes) });
  expect(put.status).toBe(201);
  expect((await download(digest)).equals(bytes)).toBe(true);
  expect((await pushBlob(registry, "large", content)).status).toBe(201);
  expect(readdirSync(join(registry.store.root, "blobs/sha512"))).toHaveLength(1);
});
