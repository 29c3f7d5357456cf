/** Uploads that are begun and stop half-way, thousands at once, from many addresses; and somebody who pushes and pulls beside them. */
import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { expect } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { blob, noise, pushBlob, unknownDigest } from "./registry.ts";

const AT_ONCE = 32;
const ATTEMPTS = 5;

/** Sessions of which nothing was sent; where they are. */
export async function beginMany(url: string, count: number): Promise<readonly string[]> {
  const sessions: string[] = [];
  using agent = keepAlive();
  await times(count, async () => void sessions.push(await begin(url, agent)));
  return sessions;
}

interface FloodOptions {
  readonly url: string;
  readonly count: number;
  /** Milliseconds in which all must have been cut off, once they are there. */
  readonly timeout: number;
}

/** Until each of them was cut off by the server. @returns how many blobs were pushed and pulled meanwhile */
export async function flood({ url, count, timeout }: FloodOptions): Promise<number> {
  let left = count;
  const working = workUntil(() => left === 0, url);
  const sockets = await sendHalves(url, count, () => (left -= 1));
  try {
    await expect.poll(() => left, { timeout, interval: 200 }).toBe(0);
  } finally {
    left = 0; // ends the work
    for (const socket of sockets) socket.destroy();
  }
  return await working;
}

function keepAlive(): Agent & Disposable {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  return Object.assign(agent, { [Symbol.dispose]: () => agent.destroy() });
}

async function times(count: number, act: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) await act(at);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function begin(url: string, agent: Agent): Promise<string> {
  const post = request(`${url}/v2/half/blobs/uploads/`, { method: "POST", agent }).end();
  const [reply] = (await once(post, "response")) as [IncomingMessage];
  await once(reply.resume(), "end");
  return reply.headers.location ?? "";
}

/** A body each, that stops behind `abc`: into a session of its own, or in one request. */
async function sendHalves(url: string, count: number, cut: () => void): Promise<readonly Socket[]> {
  const { port } = new URL(url);
  using agent = keepAlive();
  const sockets: Socket[] = [];
  await times(count, async (at) => {
    const line = at % 2 === 0 ? `PATCH ${await begin(url, agent)}` : `POST /v2/half/blobs/uploads/?digest=${unknownDigest(String(at))}`;
    const socket = connect({ port: Number(port), host: "127.0.0.1", localAddress: `127.0.0.${2 + (at % 20)}` }).on("error", () => {}); // cut off
    socket.resume().on("close", cut);
    sockets.push(socket);
    await Promise.race([once(socket, "connect"), once(socket, "close")]);
    socket.write(`${line} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${at % 4 < 2 ? 2_000_000 : 1_000_000}\r\n\r\nabc`);
  });
  return sockets;
}

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
