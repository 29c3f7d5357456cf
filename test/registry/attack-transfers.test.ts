/** Attacks on bytes that go past Node, between sockets and files: lies about lengths, requests one behind the other, a server that is killed under many. */
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodedOf } from "../../store/digest.ts";
import { serveStrata, type Server } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { blob, noise, pushBlob, pushImage, unfinished, unknownDigest } from "./registry.ts";

const MIB = 1 << 20;
const POLL = { timeout: 120_000, interval: 200 };
const content = blob(noise(3 * MIB, 5));
const small = "GET /v2/victim/tags/list HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

let root: TemporaryRoot;
let server: Server;
let listen: string;
let url: string;
beforeEach(async () => {
  root = temporaryRoot();
  listen = `127.0.0.1:${await freePort()}`; // one comes back to it
  await serve();
  await pushImage({ url }, "victim", "v1");
  await pushBlob({ url }, "victim", content);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

async function serve(): Promise<void> {
  server = await serveStrata(root, ["registry", "serve", "--listen", listen, "--log-format", "none", "--client-timeout", "4"], /listening on (\S+)/);
  url = `http://${listen}`;
}

async function begin(): Promise<string> {
  return (await fetch(`${url}/v2/victim/blobs/uploads/`, { method: "POST" })).headers.get("location") ?? "";
}

/** All that the server says to these bytes until it closes. */
async function say(...parts: readonly (string | Buffer)[]): Promise<Buffer> {
  const socket = connect(Number(listen.split(":")[1]), "127.0.0.1");
  const said: Buffer[] = [];
  socket.on("error", () => {}).on("data", (data: Buffer) => said.push(data));
  socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
  await once(socket, "close");
  return Buffer.concat(said);
}

/** Where the descriptors of the server lead. */
function opened(): readonly string[] {
  const folder = `/proc/${server.process.pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(join(folder, fd))];
    } catch {
      return []; // closed meanwhile
    }
  });
}

function uploadsOpen(): readonly string[] {
  return opened().filter((path) => path.includes("/ingest/upload-"));
}

function statuses(said: Buffer): readonly string[] {
  return [...said.toString("latin1").matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status!);
}

function head(method: string, path: string, more = ""): string {
  return `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${more}\r\n`;
}

const long = `content-length: ${content.bytes.length}\r\n`;
const uploads = "/v2/victim/blobs/uploads/";
test.each([
  { name: "with a wrong digest", ask: async () => head("PUT", `${await begin()}?digest=${unknownDigest()}`, long), want: ["400", "200"] },
  { name: "of an unknown session", ask: async () => head("PATCH", `${uploads}none`, long), want: ["404", "200"] },
  { name: "out of order", ask: async () => head("PATCH", await begin(), `${long}content-range: 7-${content.bytes.length + 6}\r\n`), want: ["416", "200"] },
  { name: "without a digest", ask: async () => head("PUT", await begin(), long), want: ["400", "200"] },
  { name: "in one request with a wrong digest", ask: async () => head("POST", `${uploads}?digest=${unknownDigest()}`, long), want: ["400", "200"] },
  { name: "that is right", ask: async () => head("PUT", `${await begin()}?digest=${content.descriptor.digest}`, long), want: ["201", "200"] },
])("a large body $name ends where it said, and the request behind it is answered", async ({ ask, want }) => {
  expect(statuses(await say(await ask(), content.bytes, small))).toEqual(want);
});

test("a body of requests is a body", async () => {
  const requests = Buffer.from(head("DELETE", "/v2/victim/manifests/v1").repeat(40_000));
  const said = await say(head("PATCH", await begin(), `content-length: ${requests.length}\r\n`), requests, small);
  expect(statuses(said)).toEqual(["202", "200"]);
});

test("HEAD of a part sends no byte, and what is behind it is answered", async () => {
  const path = `/v2/victim/blobs/${content.descriptor.digest}`;
  const said = await say(head("HEAD", path, "range: bytes=0-2000000\r\n"), head("HEAD", path), head("GET", path, "range: bytes=5-8\r\n"), small);
  expect([statuses(said).slice(2), said.length < 4_000]).toEqual([["206", "200"], true]);
  expect(said.includes(content.bytes.subarray(5, 9))).toBe(true);
});

test("who lies about a length, or leaves, leaves what came and no descriptor", async () => {
  const sessions = await Promise.all(Array.from({ length: 16 }, begin));
  await Promise.all(
    sessions.map(async (session) => {
      const socket = connect(Number(listen.split(":")[1]), "127.0.0.1");
      socket.on("error", () => {}).write(head("PATCH", session, "content-length: 9000000\r\n"));
      await new Promise((resolve) => socket.write(content.bytes, resolve));
      socket.destroy();
    }),
  );
  const reached = async (session: string): Promise<string | null> => (await fetch(url + session)).headers.get("range");
  for (const session of sessions) await expect.poll(async () => await reached(session), POLL).toMatch(/^0-\d+$/);
  await Promise.all(sessions.map(async (session) => await fetch(url + session, { method: "DELETE" })));
  await expect.poll(uploadsOpen, POLL).toEqual([]);
  await expect.poll(() => unfinished(root.root), POLL).toEqual([]);
});

test("who asks for much and reads nothing is cut off, and others are served", async () => {
  const path = `/v2/victim/blobs/${content.descriptor.digest}`;
  const sockets = Array.from({ length: 16 }, () => {
    const socket = connect(Number(listen.split(":")[1]), "127.0.0.1").on("error", () => {});
    socket.pause().write(head("GET", path).repeat(16));
    return socket;
  });
  expect((await fetch(`${url}/v2/victim/manifests/v1`)).status).toBe(200);
  const reading = (): readonly string[] => opened().filter((to) => to.includes(encodedOf(content.descriptor.digest)));
  await expect.poll(reading, POLL).not.toEqual([]);
  await expect.poll(reading, POLL).toEqual([]);
  for (const socket of sockets) socket.destroy();
});

test("64 uploads at once go on after kill -9 of the server", { timeout: 300_000 }, async () => {
  const contents = Array.from({ length: 64 }, (_, seed) => blob(noise(2 * MIB, seed + 100)));
  const sessions = await Promise.all(contents.map(begin));
  const sockets = contents.map(({ bytes }, at) => {
    const socket = connect(Number(listen.split(":")[1]), "127.0.0.1").on("error", () => {});
    socket.write(head("PATCH", sessions[at]!, `content-length: ${bytes.length}\r\n`));
    socket.write(bytes.subarray(0, bytes.length - 1 - at * 1_000));
    return socket;
  });
  await expect.poll(async () => (await fetch(url + sessions[0]!)).headers.get("range"), POLL).not.toBe("0-0");
  server.process.kill("SIGKILL");
  await once(server.process, "exit");
  for (const socket of sockets) socket.destroy();
  await serve();
  const finish = async ({ bytes, descriptor }: (typeof contents)[number], session: string): Promise<number> => {
    const range = /^0-(\d+)$/.exec((await fetch(url + session)).headers.get("range") ?? "")?.[1];
    const from = range === "0" ? 0 : Number(range) + 1;
    return (await fetch(`${url}${session}?digest=${descriptor.digest}`, { method: "PUT", body: new Uint8Array(bytes.subarray(from)) })).status;
  };
  const ended = await Promise.all(contents.map(async (each, at) => await finish(each, sessions[at]!)));
  expect(new Set(ended)).toEqual(new Set([201]));
  expect(unfinished(root.root)).toEqual([]);
});
