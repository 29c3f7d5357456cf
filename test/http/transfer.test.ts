/** Bodies that go between a socket and a file past the event loop, and what of a connection must go on as ever. */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, openSync, closeSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { fileBody } from "../../http/file-body.ts";
import type { Handler, Reply, Request } from "../../http/message.ts";
import { text } from "../../http/reply.ts";
import { serve, type Listener, type ServeOptions } from "../../http/serve.ts";
import { descriptorOf, dialLoopback, receivePart, stopReading } from "../../http/transfer.ts";

const folder = mkdtempSync("/dev/shm/strata-test-transfer-");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONTENT = randomBytes(3 << 20);
const sent = join(folder, "sent");
writeFileSync(sent, CONTENT);
/** More than sockets hold. */
const LARGE_BYTES = 128 << 20;
const large = join(folder, "large");
writeFileSync(large, "");
truncateSync(large, LARGE_BYTES);

/** GET sends `?from&to` of the file, PUT keeps the body in a file named as the path and tells its digest. */
const handler: Handler = async (request) => (request.method === "PUT" ? await keep(request) : part(request));

async function* streamed(start: number, end: number): AsyncGenerator<Uint8Array> {
  yield CONTENT.subarray(start, end);
}

async function* neverRead(): AsyncGenerator<Uint8Array> {
  yield await Promise.reject(new Error("this body is for the kernel"));
}

function part({ path, query, secure }: Request): Reply {
  const [start, end] = [Number(query.get("from") ?? 0), Number(query.get("to") ?? CONTENT.length)];
  if (path === "/large")
    return { status: 200, headers: { "content-length": LARGE_BYTES }, body: fileBody({ path: large, start: 0, end: LARGE_BYTES }, neverRead()) };
  const isHere = path === "/sent";
  const content = isHere && !secure && !query.has("behind") && end - start >= 1 << 20 ? neverRead() : streamed(start, end);
  return { status: 200, headers: { "content-length": end - start }, body: fileBody({ path: isHere ? sent : join(folder, "absent"), start, end }, content) };
}

async function keep(request: Request): Promise<Reply> {
  const isWritable = request.path !== "/unwritable";
  const fd = openSync(isWritable ? join(folder, request.path) : sent, isWritable ? "w" : "r");
  if (request.path === "/late") request.socket?.pause().resume().pause(); // the socket reads again a moment later
  try {
    const { size, sha256 } = await (request.receive ?? refuse)(fd, 0);
    return text(201, `${size} ${sha256}`);
  } finally {
    closeSync(fd);
  }
}

async function refuse(): Promise<never> {
  return await Promise.reject(new Error("this body cannot be received"));
}

async function listen(options: Partial<ServeOptions> = {}): Promise<Listener> {
  return await serve({ port: 0, handler, ...options });
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function ask(method: string, path: string, ...headers: readonly string[]): Buffer {
  return Buffer.from([`${method} ${path} HTTP/1.1`, "host: x", ...headers, "", ""].join("\r\n"));
}

function put(path: string, body: Buffer, ...headers: readonly string[]): Buffer {
  return Buffer.concat([ask("PUT", path, `content-length: ${body.length}`, ...headers), body]);
}

/** All that comes on one connection. Each of `writes` goes out when the last one is with the kernel. */
async function talk(port: number, ...writes: readonly Buffer[]): Promise<Buffer> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => undefined);
  for (const bytes of writes) await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
  await once(socket, "close");
  return Buffer.concat(chunks);
}

interface Answer {
  readonly status: string;
  readonly body: Buffer;
}

/** The replies in what came, by their lengths. */
function answers(came: Buffer): readonly Answer[] {
  const found: Answer[] = [];
  for (let at = 0; at < came.length;) {
    const body = came.indexOf("\r\n\r\n", at) + 4;
    const head = came.toString("latin1", at, body);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    found.push({ status: head.slice(9, 12), body: came.subarray(body, body + length) });
    at = body + length;
  }
  return found;
}

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;
const LAST = "connection: close";

describe("a file is sent", () => {
  test("whole and in parts, on a connection that lives on", async () => {
    await using listener = await listen();
    const socket = open(listener);
    for (const [query, start, end] of [
      ["", 0, CONTENT.length],
      ["?from=5&to=2000005", 5, 2_000_005],
      ["?from=7&to=9", 7, 9],
    ] as const) {
      socket.write(ask("GET", `/sent${query}`));
      let came = Buffer.alloc(0);
      while ((answers(came)[0]?.body.length ?? 0) < end - start) came = Buffer.concat([came, await next(socket)]);
      expect(sha256(answers(came)[0]?.body ?? came)).toBe(sha256(CONTENT.subarray(start, end)));
      socket.write(ask("HEAD", "/sent"));
      expect((await next(socket)).toString()).toContain(`content-length: ${CONTENT.length}`);
    }
    socket.destroy();
  });

  test("in the order of the requests when they come all at once", async () => {
    await using listener = await listen();
    const paths = ["/sent", "/sent?from=5&to=2000005&behind", "/sent?from=7&to=9", "/sent?behind"];
    const came = await talk(listener.port, Buffer.concat(paths.map((path, at) => ask("GET", path, ...(at === 3 ? [LAST] : [])))));
    const wanted = [CONTENT, CONTENT.subarray(5, 2_000_005), CONTENT.subarray(7, 9), CONTENT];
    expect(answers(came).map(({ body }) => sha256(body))).toEqual(wanted.map(sha256));
  });

  test("from elsewhere where there is no such file, and over TLS", async () => {
    const tls = issueCertificate(createAuthority("strata-test"), { commonName: "x", names: ["127.0.0.1"], usage: "server" });
    await using plain = await listen();
    await using secure = await listen({ tls });
    expect(sha256(Buffer.from(await (await fetch(`${plain.url}/absent`)).arrayBuffer()))).toBe(sha256(CONTENT));
    const [reply] = (await once(get(`${secure.url}/sent?to=2000000`, { rejectUnauthorized: false }).end(), "response")) as [NodeJS.ReadableStream];
    const chunks: Buffer[] = [];
    for await (const chunk of reply) chunks.push(Buffer.from(chunk));
    expect(sha256(Buffer.concat(chunks))).toBe(sha256(CONTENT.subarray(0, 2_000_000)));
  });

  test("to clients that leave in the middle, and no descriptor stays", async () => {
    const bytes: number[] = [];
    await using listener = await listen({ onReply: (_request, _reply, said) => void bytes.push(said.bytes) });
    await talk(listener.port, ask("GET", "/sent", LAST)); // the threads are there
    const before = openDescriptors();
    for (let at = 0; at < 5; at++) {
      const socket = connect(listener.port, "127.0.0.1");
      socket.write(Buffer.concat([ask("GET", "/large"), ask("GET", "/sent?behind"), ask("GET", "/sent?behind")]));
      await once(socket, "data");
      socket.resetAndDestroy();
    }
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before);
    expect(answers(await talk(listener.port, ask("GET", "/sent", LAST)))[0]?.body.length).toBe(CONTENT.length);
    expect(bytes.every((sent) => sent < LARGE_BYTES)).toBe(true);
  });

  test("to a slow reader whole, to one that takes nothing not at all", async () => {
    const bytes: number[] = [];
    await using listener = await listen({ stallMs: 4_000, onReply: (_request, _reply, said) => void bytes.push(said.bytes) });
    const slow = open(listener);
    let came = 0;
    for (const round of [1, 2, 3]) {
      slow.write(ask("GET", "/sent"));
      for (; came < round * CONTENT.length; came += (await next(slow)).length) await sleep(1);
    }
    await expect.poll(() => bytes).toEqual([CONTENT.length, CONTENT.length, CONTENT.length]); // told when the last byte has gone
    slow.destroy();
    const dead = open(listener, ask("GET", "/large"));
    await expect.poll(() => bytes.length).toBe(4);
    expect(bytes[3]).toBeLessThan(LARGE_BYTES);
    dead.destroy();
  });

  test("to its end when the server shuts down meanwhile", async () => {
    const listener = await listen();
    const socket = open(listener, ask("GET", "/sent"));
    const first = await next(socket);
    const closing = listener.close();
    let came = first.length;
    for await (const chunk of socket) came += (chunk as Buffer).length;
    await closing;
    expect(came).toBeGreaterThan(CONTENT.length);
  });
});

describe("a body is received", () => {
  const body = randomBytes(2 << 20);
  const said = `${body.length} ${sha256(body)}`;

  test.each([
    { name: "in one write with the next request behind it", writes: [Buffer.concat([put("/a", body), put("/b", body), ask("GET", "/sent?to=4", LAST)])] },
    { name: "after its headers", writes: [ask("PUT", "/a", `content-length: ${body.length}`), body, put("/b", body), ask("GET", "/sent?to=4", LAST)] },
    { name: "by and by", writes: [...pieces(put("/a", body), 100_000), ...pieces(put("/b", body), 70_001), ask("GET", "/sent?to=4", LAST)] },
  ])("$name", async ({ writes }) => {
    await using listener = await listen();
    const found = answers(await talk(listener.port, ...writes));
    expect(found.map(({ status, body: got }) => `${status} ${got.toString("latin1")}`)).toEqual([
      `201 ${said}`,
      `201 ${said}`,
      `200 ${CONTENT.toString("latin1", 0, 4)}`,
    ]);
    for (const name of ["a", "b"]) expect(sha256(readFileSync(join(folder, name)))).toBe(sha256(body));
  });

  test("by nobody else, though the socket was just told to read", async () => {
    await using listener = await listen();
    const found = answers(await talk(listener.port, put("/late", body), put("/a", body, LAST)));
    expect(found.map(({ body: got }) => got.toString())).toEqual([said, said]);
  });

  test("until its connection is gone, also when the client took none of what waits for it", async () => {
    const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
    const [socket] = await accepted;
    socket.on("error", () => undefined).write(Buffer.alloc(LARGE_BYTES));
    stopReading(socket);
    await sleep(300); // what the kernel takes of it is with the client
    const file = openSync(join(folder, "cut"), "w");
    const transfer = receivePart(descriptorOf(socket)!, file, { offset: 0, length: 100, head: Buffer.alloc(0) });
    closeSync(file);
    transfer.cut();
    expect((await transfer.ended).code).toBe("ECANCELED");
    socket.destroy();
    client.destroy();
    server.close();
  });

  test("when the client was told to go on", async () => {
    await using listener = await listen();
    const socket = open(listener, ask("PUT", "/c", `content-length: ${body.length}`, "expect: 100-continue", LAST));
    expect((await next(socket)).toString()).toContain("100 Continue");
    socket.write(body);
    expect(await textOf(socket)).toContain(said);
  });

  test("beside many others, while as many are sent", async () => {
    await using listener = await listen();
    const bodies = Array.from({ length: 12 }, () => randomBytes(2 << 20));
    const came = await Promise.all(bodies.map(async (own, at) => answers(await talk(listener.port, put(`/many-${at}`, own), ask("GET", "/sent", LAST)))));
    for (const [at, own] of bodies.entries()) {
      expect(came[at]?.map(({ body: got }) => (got.length < 100 ? got.toString() : sha256(got)))).toEqual([`${own.length} ${sha256(own)}`, sha256(CONTENT)]);
      expect(sha256(readFileSync(join(folder, `many-${at}`)))).toBe(sha256(own));
    }
  });

  test("of which only a part comes: what came is there, and no descriptor stays", async () => {
    const replies: number[] = [];
    await using listener = await listen({
      onError: (error) => text((error as { status?: number }).status ?? 500, ""),
      onReply: (_request, { status }) => void replies.push(status),
    });
    await talk(listener.port, put("/d", body, LAST));
    const before = openDescriptors();
    const socket = open(listener, put("/part", body).subarray(0, 1_500_000));
    await expect.poll(() => readFileSync(join(folder, "part")).length).toBeGreaterThan(1_400_000);
    socket.resetAndDestroy();
    await expect.poll(() => replies).toEqual([201, 499]);
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before);
    const kept = readFileSync(join(folder, "part"));
    expect(sha256(kept)).toBe(sha256(body.subarray(0, kept.length)));
  });

  test("that creeps is given up, and told so", async () => {
    await using listener = await listen({ stallMs: 400 });
    const came = await talk(listener.port, put("/e", body).subarray(0, 1_200_000));
    expect(came.toString()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("that cannot be written: the client learns it, and may go on", async () => {
    await using listener = await listen();
    const found = answers(await talk(listener.port, put("/unwritable", body), put("/f", body, LAST)));
    expect(found.map(({ status }) => status)).toEqual(["500", "201"]);
  });

  test("to its end when the server shuts down meanwhile", async () => {
    const listener = await listen();
    const bytes = put("/g", body);
    const socket = open(listener, bytes.subarray(0, 1_500_000));
    await expect.poll(() => readFileSync(join(folder, "g")).length).toBeGreaterThan(1_000_000);
    const closing = listener.close();
    socket.write(bytes.subarray(1_500_000));
    expect(await textOf(socket)).toContain(said);
    await closing;
  });
});

function open({ port }: Listener, ...writes: readonly Buffer[]): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  for (const bytes of writes) socket.write(bytes);
  return socket;
}

/** The next chunk; the socket reads no further until it is asked again. */
async function next(socket: Socket): Promise<Buffer> {
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) return chunk;
    await once(socket, "readable");
  }
}

function pieces(bytes: Buffer, size: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
}

describe("within this machine", () => {
  test.each(["127.0.0.1", "::1"])("a connection to %s is not paced, whatever the system paces", async (address) => {
    const server = createServer((socket) => void socket.pipe(socket)).listen(0, address);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const socket = dialLoopback(address, port)!;
    try {
      socket.end("over and back");
      expect(execFileSync("ss", ["-Htin", `dport = :${port}`], { encoding: "utf8" })).toMatch(/\breno\b/);
      expect(await textOf(socket)).toBe("over and back");
    } finally {
      socket.destroy();
      server.close();
      await once(server, "close");
    }
  });

  test("who does not listen, and what is elsewhere or a name, is left to others", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    expect(["127.0.0.1", "192.0.2.1", "2001:db8::1", "localhost", ""].map((address) => dialLoopback(address, port))).toEqual(Array(5).fill(undefined));
  });
});
