/** A real server process under attack: whatever is tried, others are served meanwhile and afterwards, and what it took is given back. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { hashSync } from "bcryptjs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { serveStrata, type Server } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { PATHS, SMUGGLED } from "./attacks.ts";
import { writeLayout } from "./image.ts";
import { blob, manifestOf, noise, pushBlob, pushImage, startRegistry, unfinished } from "./registry.ts";

const run = promisify(execFile);
const FLAGS = ["--client-timeout", "2", "--upload-timeout", "3", "--max-blob-size", "20MB", "--log-format", "none"];
/** Descriptors that come and go: the database, blobs being read, kept connections of the tests' own client. */
const SLACK_FDS = 40;
const MAX_RSS_KIB = 400 << 10;
const POLL = { timeout: 120_000, interval: 200 };

let root: TemporaryRoot;
let server: Server;
let url: string;
let port: number;
let layout: string;
let calmFds: number;
const sockets: Socket[] = [];

beforeAll(async () => {
  root = temporaryRoot();
  server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", ...FLAGS], /listening on (127\.0\.0\.1:(\d+))/);
  url = `http://${server.match[1]}`;
  port = Number(server.match[2]);
  layout = join(root.root, "../layout");
  await writeLayout(layout, ["amd64"]);
  await pushImage({ url }, "victim", "v1");
  calmFds = fds();
});

/** After an attack: others are served, what it took is given back, and nothing was deleted in between. */
async function calm(): Promise<void> {
  await works();
  for (const socket of sockets.splice(0)) socket.destroy();
  await expect.poll(fds, POLL).toBeLessThan(calmFds + SLACK_FDS);
  expect(rss()).toBeLessThan(MAX_RSS_KIB);
  expect(server.process.exitCode).toBeNull();
  expect((await fetch(`${url}/v2/victim/manifests/v1`)).status).toBe(200);
}

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

function fds(): number {
  return readdirSync(`/proc/${server.process.pid}/fd`).length;
}

function rss(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.process.pid}/status`, "utf8"))?.[1]);
}

/** A real client pushes and pulls. */
async function works(): Promise<void> {
  const remote = `docker://127.0.0.1:${port}/calm/image:v1`;
  await run("skopeo", ["copy", "--dest-tls-verify=false", `oci:${layout}:v1`, remote]);
  const { stdout } = await run("skopeo", ["inspect", "--tls-verify=false", "--raw", remote]);
  expect(stdout).toContain(MEDIA_TYPE.manifest);
}

async function open(): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  socket.on("error", () => {}); // reset is one of the ways to be cut off
  await once(socket, "connect");
  return socket;
}

/** Everything that the server says to these bytes, until it closes or has nothing more to say. */
async function say(bytes: string | Buffer): Promise<string> {
  const socket = await open();
  let said = "";
  socket.on("data", (chunk: Buffer) => (said += chunk.toString("latin1")));
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.write(bytes);
  await Promise.race([closed, sleep(10_000)]);
  return said;
}

/** Opens `count` connections, each of which begins with `first` and goes on with a byte at a time. Resolves when all were cut off. */
async function drip(count: number, first: string): Promise<readonly string[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = await open();
      let said = "";
      socket.on("data", (chunk: Buffer) => (said += chunk.toString("latin1")));
      // After what has come was read: a write to who has hung up would lose it.
      const timer = setInterval(() => setImmediate(() => socket.write("a")), 250);
      socket.write(first);
      await new Promise((resolve) => socket.on("close", resolve));
      clearInterval(timer);
      return said;
    }),
  );
}

describe("slow clients", () => {
  afterEach(calm);

  test("whose headers never end are cut off", async () => {
    const said = await drip(200, "GET /v2/ HTTP/1.1\r\nhost: localhost\r\nx-slow: ");
    expect(new Set(said.map((text) => text.slice(0, 12)))).toEqual(new Set(["HTTP/1.1 408"]));
  }, 300_000);

  test("whose bodies creep are cut off, and told so", async () => {
    const start = await fetch(`${url}/v2/slow/blobs/uploads/`, { method: "POST" });
    const said = await drip(1, `PATCH ${start.headers.get("location")} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n`);
    expect(said[0]).toMatch(/^HTTP\/1\.1 408 /);
    const many = await drip(
      100,
      "POST /v2/slow/blobs/uploads/?digest=sha256:" + "0".repeat(64) + " HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n",
    );
    expect(many.every((text) => text.startsWith("HTTP/1.1 408 "))).toBe(true);
  }, 300_000);

  test("who are refused and go on creeping are cut off", async () => {
    const said = await drip(100, "PUT /v2/NOT_A_NAME/manifests/v1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n");
    expect(said.every((text) => text.startsWith("HTTP/1.1 400 "))).toBe(true);
  }, 300_000);

  test("who never read are cut off", async () => {
    const large = blob(noise(16 << 20, 3));
    expect((await pushBlob({ url }, "victim", large)).status).toBe(201);
    const ask = `GET /v2/victim/blobs/${large.descriptor.digest} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
    const manifest = "GET /v2/victim/manifests/v1 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for (let n = 0; n < 30; n++) (await open()).pause().write(n < 20 ? ask : manifest.repeat(20_000));
    await expect.poll(fds, POLL).toBeGreaterThan(calmFds + 20);
    await works();
    await expect.poll(fds, POLL).toBeLessThan(calmFds + SLACK_FDS); // though nobody closed them here
  }, 300_000);

  test("who say nothing keep nobody out", async () => {
    await Promise.all(Array.from({ length: 1_000 }, open));
    await works();
    await expect.poll(fds, POLL).toBeLessThan(calmFds + SLACK_FDS);
  }, 300_000);
});

test("10,000 uploads that are opened and left take no memory and no descriptors, and are gone after their time", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const begin = async (): Promise<number | undefined> =>
    await new Promise((resolve, reject) => {
      const post = request({ agent, port, method: "POST", path: "/v2/half/open/blobs/uploads/" }, (reply) => {
        reply.resume().on("end", () => resolve(reply.statusCode));
      });
      post.on("error", reject).end();
    });
  let left = 10_000;
  const statuses = new Set<number | undefined>();
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (left-- > 0) statuses.add(await begin());
  })); // prettier-ignore
  agent.destroy();
  expect(statuses).toEqual(new Set([202]));
  await calm();
  await expect.poll(() => unfinished(root.root).length, POLL).toBe(0);
}, 300_000);

describe("requests that mislead", () => {
  test.each(SMUGGLED)(
    "what one server may take for one request and another for two: $name is refused",
    async ({ bytes }) => {
      const said = await say(bytes);
      expect(said.match(/HTTP\/1\.1 \d+/g)?.at(-1)).toMatch(/ 4(?:00|04|13|31)$/);
      expect((await fetch(`${url}/v2/victim/manifests/v1`)).status).toBe(200);
    },
    300_000,
  );

  test("requests one behind the other are answered in turn", async () => {
    const ask = (path: string, last = ""): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n${last}\r\n`;
    const said = await say(ask("/v2/victim/manifests/v1") + ask("/v2/none/manifests/v1") + ask("/v2/victim/tags/list", "connection: close\r\n"));
    expect(said.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"]);
  });

  test.each(PATHS)("the path $name leads nowhere", async ({ path }) => {
    const said = await say(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    expect(said).toMatch(path.length > 50_000 ? /^(?:HTTP\/1\.1 431 |$)/ : /^HTTP\/1\.1 4(?:00|04|31) /); // or reset: most of it was never read
    expect(said).not.toContain("root:");
  });

  test("leave the server as it was", calm, 120_000);
});

describe("bodies that grow", () => {
  afterEach(calm);

  const bomb = gzipSync(Buffer.alloc(256 << 20));
  const config = blob("{}", MEDIA_TYPE.config);
  const put = async (body: Buffer | string, headers: Record<string, string> = {}): Promise<number> =>
    (
      await fetch(`${url}/v2/bomb/manifests/v1`, {
        method: "PUT",
        headers: { "content-type": MEDIA_TYPE.manifest, ...headers },
        body: typeof body === "string" ? body : new Uint8Array(body),
      })
    ).status;

  test("when unpacked are not unpacked", async () => {
    expect(await put(bomb, { "content-encoding": "gzip" })).toBe(400);
    const path = `/v2/bomb/blobs/uploads/?digest=${digestOf(bomb)}`;
    expect((await fetch(url + path, { method: "POST", headers: { "content-encoding": "gzip" }, body: new Uint8Array(bomb) })).status).toBe(201);
    const got = await fetch(`${url}/v2/bomb/blobs/${digestOf(bomb)}`, { headers: { "accept-encoding": "gzip" } });
    expect([got.headers.get("content-encoding"), (await got.arrayBuffer()).byteLength]).toEqual([null, bomb.length]);
  });

  test("in depth are refused before they are read", async () => {
    const depth = 1_000_000;
    const deep = "[".repeat(depth) + "]".repeat(depth);
    const document = manifestOf(config, []).bytes.toString();
    expect(await put("[".repeat(4 << 20))).toBe(400);
    for (const field of ["annotations", "strange", "layers", "manifests", "subject", "mediaType"])
      expect([field, await put(`{"${field}":${deep},${document.slice(1)}`)]).toEqual([field, 400]);
    const quoted = JSON.stringify(`\\"${"[".repeat(1_000)}`);
    expect(await put(`{"annotations":{"a":${quoted}},"b":${"[".repeat(200)}${"]".repeat(200)},${document.slice(1)}`)).toBe(400); // its config is not here
    await pushBlob({ url }, "bomb", config);
    expect(await put(`{"annotations":{"a":${quoted}},"b":${"[".repeat(200)}${"]".repeat(200)},${document.slice(1)}`)).toBe(201);
  });

  test("beyond what a manifest may have are 413, announced or not", async () => {
    expect(await put(Buffer.alloc((4 << 20) + 1, 32))).toBe(413);
    const said = await say(
      Buffer.concat([
        Buffer.from("PUT /v2/bomb/manifests/v1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"),
        Buffer.from(`${(5 << 20).toString(16)}\r\n`),
        Buffer.alloc(5 << 20, 32),
        Buffer.from("\r\n0\r\n\r\n"),
      ]),
    );
    expect(said).toMatch(/^HTTP\/1\.1 413 [^]*MANIFEST_TOO_LARGE/);
  });

  test("beyond what a blob may have are 413, announced or not, and leave nothing", async () => {
    const chunk = new Uint8Array(1 << 20);
    const endless = (): ReadableStream<Uint8Array> => new ReadableStream({ pull: (controller) => controller.enqueue(chunk) });
    const session = async (): Promise<string> => url + (await fetch(`${url}/v2/bomb/blobs/uploads/`, { method: "POST" })).headers.get("location");
    const send = async (target: string, method: string, body: Uint8Array): Promise<readonly [number, string]> => {
      const reply = await fetch(target, { method, body, duplex: "half" });
      return [reply.status, await reply.text()];
    };
    const location = await session();
    const [status, text] = await send(location, "PATCH", new Uint8Array(21e6));
    const message = "Cannot store the blob: it is larger than 20MB, the most that one may be";
    expect([status, JSON.parse(text)]).toEqual([413, { errors: [{ code: "DENIED", message, detail: { limit: 20e6 } }] }]); // docker tries again for codes that it does not know
    expect((await fetch(location)).status).toBe(404);
    const stop = AbortSignal.timeout(20_000);
    const cut = async (target: string, method: string): Promise<unknown> =>
      await fetch(target, { method, body: endless(), duplex: "half", signal: stop }).then(({ status: given }) => given);
    expect(await cut(await session(), "PATCH")).toBe(413);
    expect(await cut(`${url}/v2/bomb/blobs/uploads/?digest=${digestOf("x")}`, "POST")).toBe(413);
    await expect.poll(() => unfinished(root.root).length, POLL).toBe(0);
  }, 300_000);
});

test("who asks too often is told when to come back; others, and health, are not affected", async () => {
  await using registry = await startRegistry({ rateLimit: { count: 20, periodMs: 600_000 }, logFormat: "none" });
  const ask = async (path: string, localAddress = "127.0.0.1"): Promise<readonly [number | undefined, string | undefined, string]> =>
    await new Promise((resolve, reject) => {
      request(registry.url + path, { localAddress, agent: false }, (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (part: string) => (text += part));
        reply.on("end", () => resolve([reply.statusCode, reply.headers["retry-after"], text]));
      })
        .on("error", reject)
        .end();
    });
  for (let n = 0; n < 20; n++) expect((await ask("/v2/"))[0]).toBe(200);
  const [status, after, text] = await ask("/v2/");
  expect([status, text]).toEqual([429, expect.stringContaining('"TOOMANYREQUESTS"')]);
  expect(Number(after)).toBeGreaterThanOrEqual(1);
  expect(Number(after)).toBeLessThanOrEqual(30);
  expect([(await ask("/readyz"))[0], (await ask("/v2/", "127.0.0.2"))[0]]).toEqual([200, 200]);
});

test("a flood of wrong passwords does not keep out who is logged in", async () => {
  using folder = temporaryRoot();
  const htpasswd = join(folder.root, "htpasswd");
  writeFileSync(htpasswd, ["ann", "bob"].map((name) => `${name}:${hashSync("secret", 8)}\n`).join(""));
  const args = ["registry", "serve", "--listen", "127.0.0.1:0", "--htpasswd", htpasswd, "--log-format", "none"];
  await using guarded = await serveStrata(folder, args, /listening on (127\.0\.0\.1:\d+)/);
  const ask = async (pair: string): Promise<number> =>
    (await fetch(`http://${guarded.match[1]}/v2/`, { headers: { authorization: `Basic ${Buffer.from(pair).toString("base64")}` } })).status;
  expect(await ask("ann:secret")).toBe(200);
  const flood = Promise.all(Array.from({ length: 300 }, async (_, n) => await ask(`bob:wrong${n}`)));
  expect(await ask("ann:secret")).toBe(200);
  for (const status of await flood) expect([401, 429]).toContain(status); // how many were put off depends on how quick the machine is
  expect(await ask("bob:secret")).toBe(200);
}, 300_000);
