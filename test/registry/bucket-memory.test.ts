/** Memory of a registry over a bucket: uploads that stop half-way take their room in turn, and take nobody else's. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MAX_TAIL } from "../../registry/s3/chunks.ts";
import { serveStrata, type Server } from "../support/cli.ts";
import { peakMiB } from "../support/memory.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { startSwift, type Swift } from "../support/swift.ts";
import { isHere, keysOf, openBucket, registryOver } from "./bucket-lab.ts";
import { faultyProxy } from "./faulty-proxy.ts";
import { blob, noise, type TestBlob } from "./registry.ts";

const HALVES = 150;
/** What the process itself takes, garbage of so many connections, and 40 MiB of room. */
const MAX_RSS_MIB = 200;
/** Of what was already on its way to the service, a push waits for one round at most. */
const MAX_PUSH_MS = 120_000;
const MISSING = 4 << 10;
const POLL = { timeout: 200_000, interval: 20 };

let swift: Swift;
let root: TemporaryRoot;
beforeAll(async () => void ([swift, root] = [await startSwift(), temporaryRoot()]));
afterAll(async () => {
  await swift[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

async function serve(location = swift.location(), ...more: readonly string[]): Promise<Server> {
  const args = ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none", "--storage", location, ...more];
  return await serveStrata({ ...root, env: { ...root.env, ...swift.env } }, args, /listening on (127\.0\.0\.1:(\d+))/);
}

async function begin(url: string): Promise<string> {
  return (await fetch(`${url}/v2/x/blobs/uploads/`, { method: "POST" })).headers.get("location") ?? "";
}

async function reached(url: string, session: string): Promise<number> {
  const range = (await fetch(url + session)).headers.get("range") ?? "";
  return range === "0-0" ? 0 : Number(range.slice(2)) + 1;
}

/** A body that is announced as `bytes`, and of which the last few never come. */
function half({ match }: Server, session: string, bytes: Buffer): Socket {
  const socket = connect(Number(match[2]), "127.0.0.1").on("error", () => {}); // cut at the end
  socket.write(`PATCH ${session} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${bytes.length}\r\n\r\n`);
  socket.write(bytes.subarray(0, bytes.length - MISSING));
  return socket.resume();
}

async function push(url: string, content: TestBlob): Promise<void> {
  const done = await fetch(`${url}${await begin(url)}?digest=${content.descriptor.digest}`, { method: "PUT", body: new Uint8Array(content.bytes) });
  expect(done.status).toBe(201);
  await isHere(url, "x", content);
}

test("150 half-sent uploads of 8 MiB take no more memory than a few, keep nobody from pushing, and are gone on with", { timeout: 400_000 }, async () => {
  await using server = await serve();
  const url = `http://${server.match[1]}`;
  const content = blob(noise(8 << 20, 2)); // one for all: the client's memory is not what is measured
  const sessions: string[] = [];
  const sockets: Socket[] = [];
  for (let count = 0; count < HALVES; count++) {
    const session = await begin(url);
    sessions.push(session);
    sockets.push(half(server, session, content.bytes));
    await expect.poll(async () => await reached(url, session), POLL).toBeGreaterThan(0); // the service of these tests refuses many lists at once
  }
  const started = performance.now();
  await push(url, blob(noise(20 << 20, 3)));
  const pushed = performance.now() - started;
  for (const session of sessions) await expect.poll(async () => await reached(url, session), POLL).toBe(content.bytes.length - MISSING);
  expect(peakMiB(server)).toBeLessThan(MAX_RSS_MIB);
  expect(pushed).toBeLessThan(MAX_PUSH_MS);
  await Promise.all(sockets.map(async (socket) => await once(socket.destroy(), "close")));
  for (const session of [sessions[0], sessions[HALVES >> 1], sessions.at(-1)] as readonly string[]) {
    await expect.poll(async () => (await fetch(`${url}${session}?digest=${content.descriptor.digest}`, rest(content))).status).toBe(201);
    await isHere(url, "x", content);
  }
});

test("many small chunks at two servers in turn are few pieces on the way, and one blob in the end", { timeout: 300_000 }, async () => {
  const location = swift.location();
  await using one = await registryOver(swift, location);
  await using two = await registryOver(swift, location);
  const { storage } = one;
  const sizes = [...Array.from({ length: 40 }, () => 100_000), 7 << 20, ...Array.from({ length: 70 }, () => 10_000)];
  const content = blob(
    noise(
      sizes.reduce((sum, size) => sum + size),
      5,
    ),
  );
  const sha512 = `sha512:${createHash("sha512").update(content.bytes).digest("hex")}`;
  const session = await begin(one.url);
  let [at, most] = [0, 0];
  for (const [index, size] of sizes.entries()) {
    const body = new Uint8Array(content.bytes.subarray(at, at + size));
    const headers = { "content-range": `${at}-${at + size - 1}` };
    const reply = await fetch(`${(index % 2 === 0 ? one : two).url}${session}`, { method: "PATCH", body, headers });
    at += size;
    expect([reply.status, reply.headers.get("range")]).toEqual([202, `0-${at - 1}`]);
    expect(await reached(index % 2 === 0 ? two.url : one.url, session)).toBe(at);
    if (index % 5 === 0) most = Math.max(most, (await keysOf(storage, "uploads/")).length);
  }
  expect(most).toBeLessThanOrEqual(1 + 1 + MAX_TAIL); // the session, what is full, and the tail
  expect((await fetch(`${two.url}${session}?digest=${sha512}`, { method: "PUT" })).status).toBe(201);
  await isHere(one.url, "x", content, sha512);
  expect(await keysOf(storage, "uploads/")).toEqual([]);
  expect([...one.lines, ...two.lines]).toEqual([]);
});

test("uploads that put each other down, by turns, all become their blobs", { timeout: 300_000 }, async () => {
  await using storage = await openBucket(swift, swift.location());
  const contents = Array.from({ length: 10 }, (_, seed) => blob(noise((11 << 20) + seed, 20 + seed)));
  await Promise.all(
    contents.map(async ({ bytes, descriptor: { digest } }) => {
      const ingest = await storage.ingests.create();
      await ingest.write(slowly(bytes));
      await ingest.commit({ digest });
      await ingest[Symbol.asyncDispose]();
    }),
  );
  for (const { bytes, descriptor } of contents) expect(Buffer.from(await storage.blobs.read(descriptor.digest)).equals(bytes)).toBe(true);
  expect(await keysOf(storage, "uploads/")).toEqual([]);
});

test("room of uploads whose service failed is there for others, and what arrived before is gone on with", { timeout: 300_000 }, async () => {
  await using proxy = await faultyProxy(swift.port);
  await using storage = await openBucket(swift, swift.location(proxy.port), { attempts: 1 });
  const content = blob(noise(21 << 20, 6));
  const ids: string[] = [];
  for (let round = 0; round < 8; round++) {
    const ingest = await storage.ingests.create();
    await ingest.write(Readable.from([content.bytes.subarray(0, 1 << 20)]));
    await ingest[Symbol.asyncDispose]();
    const again = await storage.ingests.open(ingest.id);
    ids.push(ingest.id);
    proxy.fail(100, 500);
    const rest = Readable.from([content.bytes.subarray(1 << 20)]);
    if (round % 2 === 0) await expect(again.write(rest)).rejects.toThrow("it answered 500");
    else {
      await again.write(Readable.from([content.bytes.subarray(1 << 20, 2 << 20)]));
      await expect(again[Symbol.asyncDispose]()).rejects.toThrow("it answered 500"); // nobody knew of it yet
    }
    expect(again.offset).toBe(1 << 20);
    proxy.heal();
    await again[Symbol.asyncDispose]();
  }
  for (const id of ids.slice(0, 2)) {
    const last = await storage.ingests.open(id);
    expect(last.offset).toBe(1 << 20);
    await last.write(Readable.from([content.bytes.subarray(1 << 20)]));
    expect(await last.commit({ digest: content.descriptor.digest })).toEqual({ digest: content.descriptor.digest, size: content.bytes.length });
  }
});

test("a client that is cut off while the service fails is no bug: the log tells of the service", { timeout: 200_000 }, async () => {
  await using proxy = await faultyProxy(swift.port);
  await using registry = await registryOver(swift, swift.location(proxy.port), { attempts: 1 });
  const session = await begin(registry.url);
  const socket = connect(Number(new URL(registry.url).port), "127.0.0.1").on("error", () => {}); // cut off
  socket.write(`PATCH ${session} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000\r\n\r\n${"x".repeat(3_000)}`);
  await expect.poll(async () => await reached(registry.url, session), POLL).toBe(3_000);
  proxy.fail(100, 500);
  socket.destroy();
  await expect.poll(() => registry.lines, POLL).toEqual([expect.stringMatching(/^storage: Cannot write .* it answered 500/)]);
});

test("what came of an upload that the end of the server cuts off is there when it is served again", { timeout: 200_000 }, async () => {
  const location = swift.location();
  let session = "";
  {
    await using server = await serve(location, "--shutdown-timeout", "1");
    const url = `http://${server.match[1]}`;
    session = await begin(url);
    half(server, session, Buffer.alloc(5_000_000 + MISSING));
    await expect.poll(async () => await reached(url, session), POLL).toBe(5_000_000);
  }
  await using again = await serve(location);
  expect(await reached(`http://${again.match[1]}`, session)).toBe(5_000_000);
});

/** 64 KiB at a time, with pauses that are longer than one may keep what others wait for. */
async function* slowly(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 64 << 10) {
    if (at % (3 << 20) === 0) await sleep(300);
    yield bytes.subarray(at, at + (64 << 10));
  }
}

function rest({ bytes }: TestBlob): RequestInit {
  const from = bytes.length - MISSING;
  return { method: "PUT", headers: { "content-range": `${from}-${bytes.length - 1}` }, body: new Uint8Array(bytes.subarray(from)) };
}
