/** Bodies that are begun and left: more of them than a server takes connections keep nobody out, and cut off nobody who sends or rests. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { serveStrata } from "../support/cli.ts";
import { temporaryRoot } from "../support/root.ts";
import { blob, noise } from "./registry.ts";

/** The server takes 1536. */
const MANY = 2_100;
const AT_ONCE = 16;
/** What is garbage of so many counts. */
const MAX_RSS_KIB = 160 << 10;

test("2,100 half-sent bodies keep nobody out", { timeout: 300_000 }, async () => {
  using root = temporaryRoot();
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none"], /listening on (127\.0\.0\.1:(\d+))/);
  const [, host, port] = server.match;
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const begin = async (): Promise<string> => {
    const post = request({ agent, port, method: "POST", path: "/v2/half/blobs/uploads/" }).end();
    const [reply] = (await once(post, "response")) as [import("node:http").IncomingMessage];
    await once(reply.resume(), "end");
    return reply.headers.location ?? "";
  };
  const sockets: Socket[] = [];
  const open = async (first: string): Promise<Socket> => {
    const socket = connect(Number(port), "127.0.0.1").on("error", () => {}); // cut off
    sockets.push(socket);
    await once(socket, "connect");
    socket.write(first);
    return socket;
  };
  const resting = await open("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await once(resting, "data");
  const content = blob(noise(600_000)); // for longer than it takes to open them all
  const sending = await open(`PATCH ${await begin()} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${content.bytes.length}\r\n\r\n`);
  let sent = 0;
  const timer = setInterval(() => sending.write(content.bytes.subarray(sent, (sent = Math.min(sent + 1_500, content.bytes.length - 1_000)))), 250);
  let left = MANY;
  const half = async (): Promise<void> => {
    while (left-- > 0) await open(`PATCH ${await begin()} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${left % 4 === 0 ? 2_000_000 : 1_000_000}\r\n\r\nabc`);
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, half));
    await expect.poll(() => sockets.filter((socket) => socket.closed).length, { timeout: 120_000 }).toBeGreaterThan(MANY - 1_600);
    const fresh = Array.from({ length: 20 }, async () => (await fetch(`http://${host}/v2/`, { headers: { connection: "close" } })).status);
    expect(new Set(await Promise.all(fresh))).toEqual(new Set([200]));
    resting.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
    expect(String((await once(resting, "data"))[0])).toMatch(/^HTTP\/1\.1 200 /);
    clearInterval(timer);
    sending.write(content.bytes.subarray(sent));
    expect(String((await once(sending, "data"))[0])).toMatch(/^HTTP\/1\.1 202 [^]*range: 0-599999/i);
    const status = readFileSync(`/proc/${server.process.pid}/status`, "utf8");
    expect(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])).toBeLessThan(MAX_RSS_KIB);
  } finally {
    clearInterval(timer);
    agent.destroy();
    for (const socket of sockets) socket.destroy();
  }
});
