/** More uploads at once than the server may have files open, and what it tells of one while it comes. */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serveStrata, type Server } from "../support/cli.ts";
import { eventually } from "../support/cluster.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

const DESCRIPTORS = 120;
const CLIENTS = 60;
const MEBIBYTE = 1 << 20;

let root: TemporaryRoot;
let server: Server;
let url: string;

beforeEach(async () => {
  root = temporaryRoot();
  server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none"], /listening on (127\.0\.0\.1:\d+)/);
  url = `http://${server.match[1]}`;
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

async function begin(): Promise<string> {
  const { status, headers } = await fetch(`${url}/v2/a/b/blobs/uploads/`, { method: "POST" });
  expect(status).toBe(202);
  return headers.get("location") ?? "";
}

/** A third of the body, and nothing more. */
function sendThird(location: string): Socket {
  const socket = connect(Number(new URL(url).port), "127.0.0.1").on("error", () => {});
  socket.write(`PATCH ${location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${3 * MEBIBYTE}\r\n\r\n`);
  socket.write(Buffer.alloc(MEBIBYTE));
  return socket.resume();
}

async function upload(bytes: Buffer): Promise<number> {
  const digest = createHash("sha256").update(bytes).digest("hex");
  return (await fetch(`${url}${await begin()}?digest=sha256:${digest}`, { method: "PUT", body: bytes })).status;
}

test("uploads for which there are no descriptors are refused, and the server goes on", async () => {
  execFileSync("prlimit", ["--pid", `${server.process.pid}`, `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`]);
  const began = await Promise.allSettled(Array.from({ length: CLIENTS }, async () => sendThird(await begin())));
  const sockets = began.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  expect(sockets.length).toBeGreaterThan(DESCRIPTORS / 8);
  await eventually(async () => await Promise.resolve(expect(sockets.some(({ bytesRead }) => bytesRead > 0)).toBe(true))); // one was refused
  for (const socket of sockets) socket.destroy();
  await eventually(async () => expect(await upload(randomBytes(3 * MEBIBYTE))).toBe(201));
  expect(server.process.exitCode).toBe(null);
});

test("an upload's offset never goes back while its body comes and ends", async () => {
  for (let round = 0; round < 20; round++) {
    const location = await begin();
    const offsets: number[] = [];
    let isDone = false;
    const look = async (): Promise<void> => {
      const { headers } = await fetch(`${url}${location}`);
      offsets.push(Number(headers.get("range")?.split("-")[1]));
    };
    const looking = (async () => {
      while (!isDone) await look();
      await look();
    })();
    expect((await fetch(`${url}${location}`, { method: "PATCH", body: randomBytes(4 * MEBIBYTE) })).status).toBe(202);
    isDone = true;
    await looking;
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    expect(offsets.at(-1)).toBe(4 * MEBIBYTE - 1);
  }
});
