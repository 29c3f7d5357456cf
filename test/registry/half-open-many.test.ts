/** Uploads that are begun and left, ten thousand at a time: sessions, and bodies. Nobody else notices, and nothing of them stays. */
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { Agent, request, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { serveStrata, type Server } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { blob, noise, pushBlob, pushImage, unfinished, unknownDigest } from "./registry.ts";

const MANY = 10_000;
const AT_ONCE = 32;
const MAX_RSS_MIB = 150;
/** As many connections as it takes, while others push: what is garbage of these counts. */
const MAX_BUSY_RSS_MIB = 320;
const POLL = { timeout: 120_000, interval: 200 };

let root: TemporaryRoot;
beforeEach(() => void (root = temporaryRoot()));
afterEach(() => root[Symbol.dispose]());

async function serve(...more: readonly string[]): Promise<Server> {
  const args = ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none", ...more];
  return await serveStrata(root, args, /listening on (127\.0\.0\.1:(\d+))/);
}

function urlOf({ match }: Server): string {
  return `http://${match[1]}`;
}

/** The most that it ever had. */
function peakMiB({ process: { pid } }: Server): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

async function times(count: number, act: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) await act(at);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function begin(url: string, agent?: Agent): Promise<string> {
  const post = request(`${url}/v2/half/blobs/uploads/`, { method: "POST", ...(agent === undefined ? {} : { agent }) }).end();
  const [reply] = (await once(post, "response")) as [IncomingMessage];
  await once(reply.resume(), "end");
  return reply.headers.location ?? "";
}

test("10,000 sessions that nobody goes on with take nearly nothing, outlive the server, and are swept", { timeout: 300_000 }, async () => {
  const content = blob(noise(100_000));
  const sessions: string[] = [];
  {
    await using server = await serve();
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    await times(MANY, async () => void sessions.push(await begin(urlOf(server), agent)));
    agent.destroy();
    await pushImage({ url: urlOf(server) }, "honest", "v1");
    expect(peakMiB(server)).toBeLessThan(MAX_RSS_MIB);
  }
  expect(new Set(sessions).size).toBe(MANY);
  const kept = unfinished(root.root);
  expect([kept.length, kept.reduce((sum, name) => sum + statSync(join(root.root, "ingest", name)).blocks, 0)]).toEqual([MANY, 0]);
  await using again = await serve("--upload-timeout", "4");
  const url = urlOf(again);
  const [session] = sessions;
  expect(await (await fetch(`${url}/v2/_catalog`)).text()).toBe('{"repositories":["honest"]}');
  expect((await fetch(`${url}${session}?digest=${content.descriptor.digest}`, { method: "PUT", body: new Uint8Array(content.bytes) })).status).toBe(201);
  await expect.poll(() => unfinished(root.root), POLL).toEqual([]);
  expect((await fetch(`${url}${sessions.at(-1)}`)).status).toBe(404);
  expect((await fetch(`${url}/v2/honest/manifests/v1`)).status).toBe(200);
});

/** Of 10,000 connections, whose body stops behind `abc`: into a session of its own, or in one request. */
async function flood(url: string, cut: () => void): Promise<readonly Socket[]> {
  const { port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const sockets: Socket[] = [];
  await times(MANY, async (at) => {
    const line = at % 2 === 0 ? `PATCH ${await begin(url, agent)}` : `POST /v2/half/blobs/uploads/?digest=${unknownDigest(String(at))}`;
    const socket = connect({ port: Number(port), host: "127.0.0.1", localAddress: `127.0.0.${2 + (at % 20)}` }).on("error", () => {}); // cut off
    socket.resume().on("close", cut);
    sockets.push(socket);
    await Promise.race([once(socket, "connect"), once(socket, "close")]);
    socket.write(`${line} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${at % 4 < 2 ? 2_000_000 : 1_000_000}\r\n\r\nabc`);
  });
  agent.destroy();
  return sockets;
}

const ATTEMPTS = 5;

/** Pushes and pulls a blob of its own; tries again where the connection is cut, as clients do. */
async function work(url: string, seed: number): Promise<void> {
  const content = blob(noise(200_000, seed));
  for (let attempt = 1; ; attempt++) {
    try {
      expect((await pushBlob({ url }, "honest", content)).status).toBe(201);
      const got = await fetch(`${url}/v2/honest/blobs/${content.descriptor.digest}`);
      return expect(digestOf(Buffer.from(await got.arrayBuffer()))).toBe(content.descriptor.digest);
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof TypeError)) throw error;
    }
  }
}

async function workUntil(isOver: () => boolean, url: string): Promise<number> {
  let count = 0;
  for (; !isOver(); count++) await work(url, count);
  return count;
}

test("10,000 half-sent bodies are cut off, and whoever pushes and pulls meanwhile is served", { timeout: 300_000 }, async () => {
  await using server = await serve("--client-timeout", "5", "--upload-timeout", "5");
  const url = urlOf(server);
  let cut = 0;
  const working = workUntil(() => cut === MANY, url);
  const sockets = await flood(url, () => (cut += 1));
  try {
    await expect.poll(() => cut, POLL).toBe(MANY);
  } finally {
    cut = MANY; // ends the work
    for (const socket of sockets) socket.destroy();
  }
  expect(await working).toBeGreaterThan(0);
  await expect.poll(() => unfinished(root.root), POLL).toEqual([]);
  expect(peakMiB(server)).toBeLessThan(MAX_BUSY_RSS_MIB);
  await server[Symbol.asyncDispose]();
  expect(server.process.signalCode).toBeNull(); // it ended when it was asked to
});
