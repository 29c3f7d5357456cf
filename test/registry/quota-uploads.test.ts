/** What uploads write within a quota: no more than the repository may hold, whether they end or not. */
import { readdirSync, statSync } from "node:fs";
import { request as ask } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serve, type Listener } from "../../http/serve.ts";
import { anonymous } from "../../registry/server/access.ts";
import { openRoom } from "../../registry/server/quota-room.ts";
import { createRegistry } from "../../registry/server/registry.ts";
import { storeStorage } from "../../registry/storage.ts";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { blob, manifestOf, noise, pushBlob, putManifest, type TestBlob, unknownDigest } from "./registry.ts";

const LIMIT = 1_000_000;

let root: TemporaryRoot;
let store: Store;
let server: Listener;

beforeEach(async () => {
  root = temporaryRoot();
  store = await openStore({ root: root.root, treeTool });
  const quotaOf = async (name: string): Promise<number | undefined> => await Promise.resolve(name.startsWith("free/") ? undefined : LIMIT);
  server = await serve({ port: 0, handler: await createRegistry({ storage: storeStorage(store), access: anonymous, quotaOf, report: console.error }) });
});
afterEach(async () => {
  await server.close(0);
  await store[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

/** Bytes of blobs and of what may become one. */
function written(): number {
  const files = ["blobs/sha256", "ingest"].flatMap((folder) => readdirSync(join(root.root, folder)).map((name) => join(root.root, folder, name)));
  return files.reduce((sum, path) => sum + statSync(path).size, 0);
}

const start = async (name = "eve/x"): Promise<string> =>
  server.url + ((await fetch(`${server.url}/v2/${name}/blobs/uploads/`, { method: "POST" })).headers.get("location") ?? "");
const patch = async (session: string, size: number, seed = 1): Promise<Response> =>
  await fetch(session, { method: "PATCH", body: new Uint8Array(noise(size, seed)) });
const finish = async (session: string, { descriptor, bytes }: TestBlob, sent = bytes.length): Promise<Response> =>
  await fetch(`${session}?digest=${descriptor.digest}`, { method: "PUT", body: new Uint8Array(bytes.subarray(0, sent)) });
const fill = async (name = "eve/x"): Promise<TestBlob> => {
  const content = blob(noise(LIMIT - 10_000, 99));
  expect((await pushBlob(server, name, content)).status).toBe(201);
  return content;
};

/** A body of which the length is announced or not, and of which only `sent` bytes come before the reply. */
async function send(method: string, url: string, { length, sent }: { readonly length?: number; readonly sent: number }): Promise<number> {
  const { promise, resolve, reject } = ((): { promise: Promise<number>; resolve: (status: number) => void; reject: (error: Error) => void } => {
    let [resolve, reject]: [(status: number) => void, (error: Error) => void] = [() => {}, () => {}];
    const promise = new Promise<number>((one, other) => ([resolve, reject] = [one, other]));
    return { promise, resolve, reject };
  })();
  const request = ask(url, { method, headers: length === undefined ? {} : { "content-length": length } }, (reply) => resolve(reply.statusCode ?? 0));
  request.on("error", reject);
  request.write(noise(sent, 5));
  return await promise.finally(() => request.destroy());
}

const large = unknownDigest("large");
test.each([
  { name: "a whole blob", method: "POST", path: async () => await Promise.resolve(`${server.url}/v2/eve/x/blobs/uploads/?digest=${large}`) },
  { name: "a chunk", method: "PATCH", path: async () => await start() },
  { name: "the last chunk", method: "PUT", path: async () => `${await start()}?digest=${large}` },
])("$name that is announced too large is refused before it comes", async ({ method, path }) => {
  await fill();
  expect(await send(method, await path(), { length: 20 << 20, sent: 100 })).toBe(403);
  expect(written()).toBeLessThanOrEqual(LIMIT);
});

test.each([
  { name: "a whole blob", method: "POST", path: async () => await Promise.resolve(`${server.url}/v2/eve/x/blobs/uploads/?digest=${large}`) },
  { name: "a chunk", method: "PATCH", path: async () => await start() },
  { name: "the last chunk", method: "PUT", path: async () => `${await start()}?digest=${large}` },
])("$name without a length is refused where it does not fit any more", async ({ method, path }) => {
  await fill();
  expect(await send(method, await path(), { sent: 300_000 })).toBe(403);
  await expect.poll(written).toBeLessThanOrEqual(LIMIT);
});

test("the bytes of sessions count, of several together, until they end", async () => {
  const sessions = await Promise.all(Array.from({ length: 5 }, async () => await start()));
  const statuses: number[] = [];
  for (const session of sessions) statuses.push((await patch(session, 300_000)).status);
  expect(statuses).toEqual([202, 202, 202, 403, 403]);
  expect(written()).toBeLessThanOrEqual(LIMIT);
  expect((await fetch(sessions[0] ?? "", { method: "DELETE" })).status).toBe(204);
  const content = blob(noise(200_000, 3));
  expect((await pushBlob(server, "eve/x", content)).status).toBe(201);
  expect((await patch(sessions[1] ?? "", 300_000)).status).toBe(403); // with what it has
  expect((await patch(sessions[2] ?? "", 200_000)).status).toBe(202);
  expect((await patch(await start("free/x"), 2 * LIMIT)).status).toBe(202);
});

test("sessions begun at once are no more than the quota together", async () => {
  const statuses = await Promise.all(Array.from({ length: 8 }, async (_, at) => (await patch(await start(), 250_000, at)).status));
  expect(statuses.toSorted((a, b) => a - b)).toEqual([202, 202, 202, 202, 403, 403, 403, 403]);
  expect(written()).toBeLessThanOrEqual(LIMIT);
});

test("an upload that came in chunks to the last byte of the quota is taken", async () => {
  const content = blob(noise(LIMIT, 4));
  const session = await start();
  expect((await fetch(session, { method: "PATCH", body: new Uint8Array(content.bytes.subarray(0, 600_000)) })).status).toBe(202);
  const rest = new Uint8Array(content.bytes.subarray(600_000));
  expect((await fetch(`${session}?digest=${content.descriptor.digest}`, { method: "PUT", body: rest })).status).toBe(201);
  expect((await pushBlob(server, "eve/x", blob("x"))).status).toBe(403);
});

test("what a full repository holds is accepted again, and takes no room meanwhile", async () => {
  const content = await fill();
  const before = written();
  expect((await pushBlob(server, "eve/x", content)).status).toBe(201);
  expect((await finish(await start(), content)).status).toBe(201);
  const mount = `${server.url}/v2/eve/x/blobs/uploads/?mount=${content.descriptor.digest}&from=eve/x`;
  expect((await fetch(mount, { method: "POST" })).status).toBe(201);
  const other = await pushBlob(server, "eve/x", { ...content, bytes: noise(content.bytes.length, 7) });
  expect(other.status).toBe(400);
  expect(await other.json()).toMatchObject({ errors: [{ code: "DIGEST_INVALID" }] });
  expect((await finish(await start(), content, 500_000)).status).toBe(400);
  expect(written()).toBe(before);
});

test("manifests that are refused leave nothing, nor does the data inside them", async () => {
  const config = blob("{}", MEDIA_TYPE.config);
  await pushBlob(server, "eve/x", config);
  await fill();
  const before = written();
  const data = noise(20_000, 6).toString("base64");
  const inside = { ...blob(Buffer.from(data, "base64")).descriptor, data };
  const refused = [
    manifestOf(config, [], { annotations: { padding: "x".repeat(20_000) } }),
    manifestOf(config, [], { layers: [inside] }),
    blob(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [], annotations: { padding: "x".repeat(20_000) } }), MEDIA_TYPE.index),
  ];
  for (const manifest of refused) expect((await putManifest(server, "eve/x", "v1", manifest)).status).toBe(403);
  expect(written()).toBe(before);
  const small = manifestOf(config, []);
  expect([(await putManifest(server, "eve/x", "v1", small)).status, (await putManifest(server, "eve/x", "v2", small)).status]).toEqual([201, 201]);
});

test("an upload that rests for long gives way to one that has no room", async () => {
  let now = 1_000_000;
  const none = async (): Promise<[]> => await Promise.resolve([]);
  const repositories = { blobs: none, manifests: none, manifest: async () => await Promise.resolve(undefined) };
  const manifests = { read: async () => await Promise.reject(new Error("there is none")) };
  const room = openRoom({ repositories, manifests, quotaOf: async () => await Promise.resolve(100), now: () => now });
  const ended: string[] = [];
  const rest = async (name: string, bytes: number): Promise<void> => {
    const claim = room.open("a", async () => {
      ended.push(name);
      claim[Symbol.dispose]();
      await Promise.resolve();
    });
    await claim.reach(bytes);
    claim.rest(bytes);
    now += 1_000;
  };
  await rest("first", 40);
  await rest("second", 40);
  using third = room.open("a");
  await expect(third.reach(50)).rejects.toMatchObject({ code: "DENIED", detail: { held: 0, coming: 80, limit: 100, size: 50 } });
  now += 60_000;
  await third.reach(50);
  expect(ended).toEqual(["first"]);
});
