import { request as nodeRequest } from "node:http";
import { defaultMaxListeners, once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { readJson } from "../../http/body.ts";
import type { Handler } from "../../http/message.ts";
import { empty, json, text } from "../../http/reply.ts";
import { router } from "../../http/router.ts";
import { clientOf, createRateLimit, parseRate } from "../../http/rate-limit.ts";
import { serve } from "../../http/serve.ts";

const echo = router([
  { method: "GET", pattern: "/v2/", handler: () => json(200, {}) },
  { method: "GET", pattern: "/v2/:name+/blobs/:digest", handler: ({ params }) => json(200, params) },
  { method: "GET", pattern: "/files/:path*", handler: ({ params, query }) => json(200, { path: params["path"], q: query.get("q") }) },
  { method: "POST", pattern: "/json", handler: async (request) => json(200, await readJson(request, 64)) },
  { method: "POST", pattern: "/refuse", handler: () => empty(403) },
  {
    method: "GET",
    pattern: "/bug",
    handler: () => {
      throw new Error("secret detail");
    },
  },
]);

test.each([
  { name: "a fixed path", path: "/v2/", status: 200, body: "{}" },
  { name: "a name of several segments", path: "/v2/a/b/c/blobs/x", status: 200, body: '{"name":"a/b/c","digest":"x"}' },
  { name: "decoded parameters", path: "/files/a%20b/c?q=1%2B1", status: 200, body: '{"path":"a b/c","q":"1+1"}' },
  { name: "a rest that is empty", path: "/files", status: 200, body: '{"path":"","q":null}' },
  { name: "an unknown path is 404", path: "/v3", status: 404 },
  { name: "another method is 405 with Allow", path: "/json", status: 405, allow: "POST" },
  { name: "bad percent encoding is 400", path: "/files/%zz", status: 400 },
  { name: "a bug is 500 and shows nothing", path: "/bug", status: 500, body: "Internal error\n" },
  { name: "JSON is read", method: "POST", path: "/json", send: '{"a":1}', status: 200, body: '{"a":1}' },
  { name: "what is no JSON is 400", method: "POST", path: "/json", send: "{", status: 400 },
  { name: "a long body is 413", method: "POST", path: "/json", send: "x".repeat(65), status: 413 },
  { name: "a huge body that nobody reads still gets its reply", method: "POST", path: "/refuse", send: "x".repeat(8 << 20), status: 403 },
])("server: $name", async ({ method = "GET", path, send, status, body, allow }) => {
  await using listener = await serve({ port: 0, handler: echo });
  const reply = await fetch(listener.url + path, { method, ...(send === undefined ? {} : { body: send }) });
  expect(reply.status).toBe(status);
  if (allow !== undefined) expect(reply.headers.get("allow")).toBe(allow);
  const got = await reply.text();
  if (body !== undefined) expect(got).toBe(body);
});

test("a slow reader holds the producer back, and leaving ends it", async () => {
  let produced = 0;
  let ended = false;
  async function* produce(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        produced += 1;
        yield new Uint8Array(65_536);
      }
    } finally {
      ended = true;
    }
  }
  await using listener = await serve({ port: 0, handler: () => ({ status: 200, body: produce() }) });
  const socket = connect(listener.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  await vi.waitUntil(
    async () => {
      const before = produced;
      await sleep(100);
      return before > 0 && produced === before;
    },
    { timeout: 10_000 },
  );
  expect(produced * 65_536).toBeLessThan(32 << 20);
  socket.destroy();
  await expect.poll(() => ended).toBe(true);
});

test("a body that stands still is given up", async () => {
  await using listener = await serve({ port: 0, stallMs: 100, handler: async (request) => json(200, await readJson(request, 64)) });
  const socket = connect(listener.port, "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{");
  await once(socket.resume(), "close"); // else this test does not end
});

test("a body is not given up for the time that the server takes, and is when it stands still afterwards", async () => {
  let size = 0;
  const handler: Handler = async ({ body }) => {
    for await (const chunk of body) {
      size += chunk.length;
      await sleep(400);
    }
    return json(200, {});
  };
  await using listener = await serve({ port: 0, stallMs: 100, handler });
  const reply = await fetch(listener.url, { method: "POST", body: new Uint8Array(150_000) });
  expect([reply.status, size]).toEqual([200, 150_000]);
  const socket = connect(listener.port, "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{");
  await once(socket.resume(), "close"); // else this test does not end
});

test("a client that waits for 100 Continue is refused before it sends", async () => {
  await using listener = await serve({ port: 0, handler: echo });
  const outcome = await new Promise<string>((resolve) => {
    const request = nodeRequest({ port: listener.port, method: "POST", path: "/refuse", headers: { expect: "100-continue", "content-length": 10 } });
    request.on("continue", () => resolve("continue")).on("response", (reply) => resolve(String(reply.statusCode)));
    request.flushHeaders();
  });
  expect(outcome).toBe("403");
});

test("closing lets a reply under way end, and tells long ones to", async () => {
  const listener = await serve({
    port: 0,
    handler: ({ path, closing }) => ({
      status: 200,
      body: (async function* body() {
        yield "begun ";
        if (path === "/watch") await new Promise((resolve) => closing.addEventListener("abort", resolve));
        else await sleep(150);
        yield "ended";
      })(),
    }),
  });
  const replies = await Promise.all([fetch(`${listener.url}/short`), fetch(`${listener.url}/watch`)]);
  const bodies = Promise.all(replies.map(async (reply) => await reply.text()));
  await listener.close();
  expect(await bodies).toEqual(["begun ended", "begun ended"]);
  await expect(fetch(listener.url)).rejects.toThrow();
});

test.each([
  { name: "a path", target: "/a?q=1", want: { path: "/a", q: "1", host: "own" } },
  { name: "an address, whose authority counts", target: "http://other:5000/a?q=1", want: { path: "/a", q: "1", host: "other:5000" } },
  { name: "an address without a path", target: "HTTPS://other", want: { path: "/", q: null, host: "other" } },
  { name: "an address with a query only", target: "http://[::1]:80?q=/2", want: { path: "/", q: "/2", host: "[::1]:80" } },
  { name: "an address with a user in it is none", target: "http://ann@other/a", want: { path: "http://ann@other/a", q: null, host: "own" } },
])("the target of a request may be $name", async ({ target, want }) => {
  await using listener = await serve({
    port: 0,
    handler: ({ path, query, headers }) => json(200, { path, q: query.get("q"), host: headers.host }),
  });
  const socket = connect(listener.port, "127.0.0.1");
  socket.write(`GET ${target} HTTP/1.1\r\nhost: own\r\nconnection: close\r\n\r\n`);
  let seen = "";
  await new Promise((resolve) => socket.on("data", (chunk) => (seen += chunk.toString())).on("close", resolve));
  expect(JSON.parse(seen.split("\r\n\r\n")[1] ?? "")).toEqual(want);
});

test("an upgrade is handed over whole", async () => {
  await using listener = await serve({
    port: 0,
    handler: () => text(200, "plain"),
    upgrade: (_message, socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nraw"),
  });
  const socket = connect(listener.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
  let seen = "";
  await new Promise((resolve) => socket.on("data", (chunk) => (seen += chunk.toString())).on("close", resolve));
  expect(seen).toContain("raw");
});

test("for more connections than it may have the longest idle one goes; what is under way stays", async () => {
  let finish = (): void => {};
  const held = new Promise<void>((resolve) => (finish = resolve));
  const handler: Handler = async (request) => {
    if (request.path === "/held") await held;
    return text(200, "done");
  };
  await using listener = await serve({ port: 0, handler, maxConnections: 2 });
  const open = async (ask = ""): Promise<Socket> => {
    const socket = connect({ host: listener.host, port: listener.port });
    await once(socket, "connect");
    socket.write(ask);
    await sleep(50); // the server has taken it
    return socket;
  };
  const busy = await open("GET /held HTTP/1.1\r\nhost: x\r\n\r\n");
  const idle = (await open()).resume();
  const gone = once(idle, "close");
  const newcomer = await open("GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n");
  await gone;
  expect(String((await once(newcomer, "data"))[0])).toMatch(/^HTTP\/1\.1 200/);
  finish();
  expect(String((await once(busy, "data"))[0])).toMatch(/^HTTP\/1\.1 200/);
  for (const socket of [busy, newcomer]) socket.destroy();
});

test("who reads next to nothing of a long reply makes room, when nobody is without a request", async () => {
  async function* long(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(65_536);
  }
  await using listener = await serve({
    port: 0,
    handler: ({ path }) => (path === "/long" ? { status: 200, body: long() } : text(200, "done")),
    maxConnections: 2,
  });
  const open = (path: string): Socket => {
    const socket = connect({ host: listener.host, port: listener.port }).on("error", () => {}); // cut off
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    return socket;
  };
  const readers = [open("/long"), open("/long")].map((socket) => socket.pause());
  const ask = async (): Promise<string> => {
    const socket = open("/");
    const said: Buffer[] = [];
    socket.on("data", (data: Buffer) => said.push(data));
    await once(socket, "close");
    return String(Buffer.concat(said)).slice(0, 12);
  };
  await expect.poll(ask, { timeout: 20_000, interval: 300 }).toBe("HTTP/1.1 200");
  for (const socket of readers) socket.destroy();
});

test("a body that was cut off is not waited for any more", async () => {
  const handler: Handler = async (request) => json(200, await readJson(request, 64));
  await using listener = await serve({ port: 0, stallMs: 3_600_000, handler });
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  for (let at = 0; at < 20; at++) {
    const socket = connect(listener.port, "127.0.0.1");
    await new Promise((resolve) => socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{", resolve));
    socket.destroy();
  }
  await expect.poll(timers).toBeLessThan(before + 10);
});

test.each([
  { name: "of IPv4, also in IPv6's clothes", address: "::ffff:10.0.0.1", client: "10.0.0.1" },
  { name: "of IPv6 by its network", address: "fd00:1:2:3::9", client: "fd00:1:2:3" },
  { name: "of IPv6 with zeros left out before it", address: "fd00::4:5:6:7:8", client: "fd00:0:0:4" },
])("a client is known $name", ({ address, client }) => expect(clientOf(address)).toBe(client));

test("a bucket of requests empties at once and fills evenly", () => {
  let now = 0;
  const ask = createRateLimit(parseRate("10/s") ?? { count: 0, periodMs: 0 }, () => now);
  expect(Array.from({ length: 11 }, () => ask("a"))).toEqual([...Array.from({ length: 10 }, () => 0), 100]);
  expect(ask("b")).toBe(0);
  now = 250;
  expect([ask("a"), ask("a"), ask("a")]).toEqual([0, 0, 50]);
  expect(["0/s", "1/d", "x", "1.5/s", ""].map(parseRate)).toEqual(Array.from({ length: 5 }));
});

test.each([
  { first: "PUT", second: "GET", order: ["PUT begins", "PUT ends", "GET begins", "GET ends"] },
  { first: "GET", second: "PUT", order: ["GET begins", "GET ends", "PUT begins", "PUT ends"] },
  { first: "GET", second: "HEAD", order: ["GET begins", "HEAD begins", "GET ends", "HEAD ends"] },
])("of pipelined requests $second behind $first sees what it has done, unless both only look", async ({ first, second, order }) => {
  const seen: string[] = [];
  const handler: Handler = async ({ method }) => {
    seen.push(`${method} begins`);
    await sleep(100);
    seen.push(`${method} ends`);
    return empty(204);
  };
  await using listener = await serve({ port: 0, handler });
  const socket = connect(listener.port, "127.0.0.1");
  const head = (method: string): string => `${method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;
  socket.write(head(first) + head(second));
  let got = "";
  socket.on("data", (data: Buffer) => (got += data.toString()));
  await vi.waitFor(() => expect(got.split("HTTP/1.1 204").length - 1).toBe(2));
  expect(seen).toEqual(order);
  socket.destroy();
});

test("what waits behind a request whose client leaves is not begun, and its connection is forgotten", async () => {
  const seen: string[] = [];
  let release: () => void = () => {};
  const handler: Handler = async ({ method }) => {
    seen.push(method);
    if (method === "PUT") await new Promise<void>((resolve) => (release = resolve));
    return empty(204);
  };
  await using listener = await serve({ port: 0, handler });
  const socket = connect(listener.port, "127.0.0.1");
  socket.write("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nDELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  await vi.waitFor(() => expect(seen).toEqual(["PUT"]));
  socket.destroy();
  await sleep(50);
  release();
  await sleep(50);
  expect(seen).toEqual(["PUT"]);
});

test("requests that wait for their turn put little on the connection, and leave nothing", async () => {
  const listeners: number[] = [];
  const handler: Handler = (request) => {
    listeners.push((request as unknown as { readonly socket: Socket }).socket.listenerCount("close"));
    return empty(204);
  };
  await using listener = await serve({ port: 0, handler });
  const socket = connect(listener.port, "127.0.0.1");
  let got = 0;
  socket.on("data", (data: Buffer) => (got += data.toString().split("HTTP/1.1 204").length - 1));
  const batch = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(8);
  for (let round = 1; round <= 20; round++) {
    socket.write(batch);
    await vi.waitFor(() => expect(got).toBe(16 * round));
  }
  expect(Math.max(...listeners)).toBeLessThan(defaultMaxListeners); // Node warns of more
  expect(Math.max(...listeners.slice(-16))).toBeLessThanOrEqual(Math.max(...listeners.slice(0, 16)) + 1);
  socket.destroy();
});

test.each([
  { name: "none", head: "GET /v2/ HTTP/1.1\r\n", status: 400 },
  { name: "two", head: "GET /v2/ HTTP/1.1\r\nHost: a\r\nhost: b\r\n", status: 400 },
  { name: "one", head: "GET /v2/ HTTP/1.1\r\nHost: a\r\n", status: 200, host: "a" },
  { name: "one, and another in the target, which counts", head: "GET http://b:1/v2/?x=1 HTTP/1.1\r\nHost: a\r\n", status: 200, host: "b:1" },
  { name: "one, and a target that is a host alone", head: "GET http://b HTTP/1.1\r\nHost: a\r\n", status: 404, host: "b" },
])("a request that names hosts: $name is $status", async ({ head, status, host }) => {
  let seen: string | undefined;
  const handler: Handler = ({ path, headers }) => {
    seen = headers.host;
    return empty(path === "/v2/" ? 200 : 404);
  };
  await using listener = await serve({ port: 0, handler });
  const socket = connect(listener.port, "127.0.0.1");
  socket.write(`${head}\r\n`);
  const [data] = (await once(socket, "data")) as [Buffer];
  expect([Number(data.toString().split(" ")[1]), seen]).toEqual([status, host]);
  socket.destroy();
});
