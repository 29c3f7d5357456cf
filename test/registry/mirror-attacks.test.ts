/** Other registries that cut, lie, stall and go in circles below a mirror: its readers are told in time, nothing of that is kept, and the rest is served. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { anonymous } from "../../registry/server/access.ts";
import { createRegistry } from "../../registry/server/registry.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { storeStorage } from "../../registry/storage.ts";
import { serve } from "../../http/serve.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { openStore } from "../../store/open.ts";
import { serveHttp, type HttpServer } from "../support/http-server.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { blob, manifestOf, noise, unfinished } from "./registry.ts";

const MIB = 1 << 20;
const POLL = { timeout: 60_000 };
const large = blob(noise(3 * MIB, 4));
const good = blob(noise(2 * MIB, 6));
const { size } = good.descriptor;

/** It has `good`, and answers for the large blob as it is told. */
async function upstreamThat(lie: (request: IncomingMessage, response: ServerResponse) => void): Promise<HttpServer> {
  return await serveHttp((request, response) => {
    const isLarge = request.url?.endsWith(large.descriptor.digest) ?? false;
    if (request.url === "/v2/") response.end("{}");
    else if (request.method === "HEAD") response.writeHead(200, { "content-length": isLarge ? large.bytes.length : size }).end();
    else if (isLarge) lie(request, response);
    else response.writeHead(200, { "content-length": size }).end(good.bytes);
  });
}

async function mirrorOf(port: number) {
  const root = temporaryRoot();
  const store = await openStore({ root: root.root, treeTool });
  const retry = { attempts: 2, firstMs: 5, longestMs: 20 };
  const bugs: unknown[] = [];
  const registry = await createRegistry({
    storage: storeStorage(store),
    access: anonymous,
    upstream: { freshMs: 0, connect: async () => await openRemote(`127.0.0.1:${port}`, { env: { HOME: root.root }, retry, idleMs: 500 }) },
    report: (bug) => bugs.push(bug),
  });
  const listener = await serve({ port: 0, handler: registry });
  return {
    store,
    bugs,
    unfinished: () => unfinished(root.root),
    ask: async (path: string) => await fetch(`${listener.url}/v2/app/${path}`),
    get: async (digest: string, signal?: AbortSignal) => await fetch(`${listener.url}/v2/app/blobs/${digest}`, signal === undefined ? {} : { signal }),
    async [Symbol.asyncDispose](): Promise<void> {
      await listener.close(0);
      await registry[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      root[Symbol.dispose]();
    },
  };
}

const half = large.bytes.subarray(0, large.bytes.length / 2);
test.each([
  { name: "cuts every answer in the middle", lie: (response: ServerResponse) => void response.write(half, () => response.destroy()) },
  { name: "stops in the middle", lie: (response: ServerResponse) => void response.write(half) },
  { name: "ends early", lie: (response: ServerResponse) => void response.end(half) },
  { name: "sends more than it promised", lie: (response: ServerResponse) => void response.end(Buffer.concat([large.bytes, half])) },
  { name: "sends other bytes", lie: (response: ServerResponse) => void response.end(noise(large.bytes.length, 9)) },
  { name: "redirects to itself", lie: (response: ServerResponse, url: string) => void response.writeHead(307, { location: url }).end() },
])("an upstream that $name: four readers are cut off, nothing is kept, others are served", async ({ lie }) => {
  await using upstream = await upstreamThat((request, response) => lie(response, request.url ?? ""));
  await using mirror = await mirrorOf(upstream.port);
  const read = async (): Promise<boolean> => {
    const reply = await mirror.get(large.descriptor.digest);
    return reply.ok && (await reply.arrayBuffer().catch(() => undefined)) !== undefined;
  };
  expect(await Promise.all([read(), read(), read(), read()])).toEqual([false, false, false, false]);
  await expect.poll(mirror.unfinished, POLL).toEqual([]);
  expect(await mirror.store.blobs.stat(large.descriptor.digest)).toBeUndefined();
  expect(Buffer.from(await (await mirror.get(good.descriptor.digest)).arrayBuffer()).equals(good.bytes)).toBe(true);
  expect(mirror.bugs).toEqual([]);
});

test("sixteen readers at once of what is not here yet, half of whom leave: the others get it whole, and it is kept once", async () => {
  await using upstream = await upstreamThat((_request, response) => void response.writeHead(200, { "content-length": large.bytes.length }).end(large.bytes));
  await using mirror = await mirrorOf(upstream.port);
  const read = async (_: unknown, at: number): Promise<boolean | string> => {
    const leaving = new AbortController();
    const reply = await mirror.get(large.descriptor.digest, leaving.signal);
    if (at % 2 === 0) return Buffer.from(await reply.arrayBuffer()).equals(large.bytes);
    await reply.body?.getReader().read();
    leaving.abort();
    return "left";
  };
  const outcomes = await Promise.all(Array.from({ length: 16 }, read));
  expect(outcomes).toEqual(Array.from({ length: 16 }, (_, at) => (at % 2 === 0 ? true : "left")));
  await expect.poll(mirror.unfinished, POLL).toEqual([]);
  expect((await mirror.store.blobs.stat(large.descriptor.digest))?.size).toBe(large.bytes.length);
  expect(mirror.bugs).toEqual([]);
});

const image = manifestOf(blob("{}", MEDIA_TYPE.config), []);
type Refusal = (response: ServerResponse, url: string) => void;
const refusals: readonly { readonly name: string; readonly refuse: Refusal; readonly status?: number; readonly after?: string }[] = [
  { name: "429", refuse: (response) => void response.writeHead(429, { "retry-after": "7" }).end(), status: 429, after: "7" },
  { name: "429 with an odd time", refuse: (response) => void response.writeHead(429, { "retry-after": "soon" }).end(), status: 429 },
  { name: "503", refuse: (response) => void response.writeHead(503).end() },
  { name: "500", refuse: (response) => void response.writeHead(500).end("{}") },
  { name: "401", refuse: (response) => void response.writeHead(401, { "www-authenticate": 'Basic realm="there"' }).end() },
  { name: "403", refuse: (response) => void response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"no"}]}') },
  { name: "405", refuse: (response) => void response.writeHead(405).end() },
  { name: "a web page", refuse: (response) => void response.writeHead(200, { "content-type": "text/html" }).end("<h1>Log in</h1>") },
  { name: "redirects in a circle", refuse: (response, url) => void response.writeHead(307, { location: url }).end() },
  { name: "a part of a manifest", refuse: (response) => void response.writeHead(200, { "content-length": 500 }).write("{", () => response.destroy()) },
];
test.each(refusals)("an upstream that answers $name: what is here is served, and nobody is asked to log in there", async ({ refuse, status = 502, after }) => {
  let isRefusing = false;
  await using upstream = await serveHttp((request, response) => {
    const headers = { "content-type": MEDIA_TYPE.manifest, "docker-content-digest": image.descriptor.digest, "content-length": image.bytes.length };
    if (request.url === "/v2/") response.end("{}");
    else if (isRefusing) refuse(response, request.url ?? "");
    else response.writeHead(200, headers).end(image.bytes);
  });
  await using mirror = await mirrorOf(upstream.port);
  const ask = async (path: string): Promise<readonly unknown[]> => {
    const reply = await mirror.ask(path);
    await reply.arrayBuffer();
    return [reply.status, reply.headers.get("retry-after") ?? undefined, reply.headers.get("www-authenticate")];
  };
  expect((await ask("manifests/v1"))[0]).toBe(200);
  isRefusing = true;
  expect([await ask("manifests/v1"), await ask("tags/list")]).toEqual([
    [200, undefined, null],
    [200, undefined, null],
  ]);
  expect([await ask("manifests/v2"), await ask(`manifests/${good.descriptor.digest}`)]).toEqual([
    [status, after, null],
    [status, after, null],
  ]);
  expect((await fetch((await mirror.ask("tags/list")).url.replace("/app/", "/other/"))).status).toBe(status);
  expect(mirror.bugs).toEqual([]);
});

test.each([429, 503, 401, 403])("an upstream that answers %d when it is asked for a blob: that is no fault of who asks here", async (status) => {
  await using upstream = await serveHttp((request, response) => void response.writeHead(request.url === "/v2/" ? 200 : status).end());
  await using mirror = await mirrorOf(upstream.port);
  expect([(await mirror.get(good.descriptor.digest)).status, mirror.bugs]).toEqual([status === 429 ? 429 : 502, []]);
});
