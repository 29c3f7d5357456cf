/** Registries that refuse, lie, forget and fall silent while a blob is sent to them: it is whole or it is an error that says why, and credentials stay at home. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { fileContent } from "../../registry/client/file-content.ts";
import { openRemote, type RemoteOptions } from "../../registry/client/remote.ts";
import { openRepository } from "../../registry/client/repository.ts";
import type { GrowingBlob } from "../../store/content.ts";
import { serveHttp } from "../support/http-server.ts";
import { blobFileOfEachTest } from "./blob-file.ts";
import { blob, certificateFiles, noise, startRegistry, unfinished } from "./registry.ts";

const MIB = 1 << 20;
const big = blob(noise(12 * MIB, 7), "application/vnd.oci.image.layer.v1.tar+gzip");
const size = big.bytes.length;
const login = { kind: "password" as const, username: "ann", password: "secret" };

const file = blobFileOfEachTest(big.bytes);

/** It goes by the kernel, or it is read: whichever the connection takes. */
const content = () => fileContent(file.path, size, (start) => slices(start, size));

async function* slices(start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += MIB) yield big.bytes.subarray(at, Math.min(end, at + MIB));
}

type Respond = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

/** Opens sessions and takes what is put; what else it does is the row's: by method. */
async function registryThat(rules: Partial<Record<"GET" | "PATCH" | "POST" | "PUT", Respond>>) {
  let sessions = 0;
  const server = await serveHttp((request, response) => {
    const url = new URL(request.url ?? "", server.base);
    const rule = rules[request.method as keyof typeof rules];
    if (url.pathname === "/v2/") response.end("{}");
    else if (rule !== undefined) rule(request, response, url);
    else if (request.method === "POST") response.writeHead(202, { location: `/v2/app/blobs/uploads/${++sessions}` }).end();
    else if (request.method === "PUT") response.writeHead(201).end();
    else response.writeHead(request.method === "DELETE" ? 204 : 404).end();
  });
  return server;
}

async function push(base: string, options: Partial<RemoteOptions> = {}): Promise<void> {
  const retry = { attempts: 2, firstMs: 5, longestMs: 50 };
  await using remote = await openRemote(new URL(base).host, { env: { HOME: file.scratch.root }, retry, ...options });
  await openRepository(remote, "app").push(big.descriptor, content());
}

async function digest(request: IncomingMessage): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of request) hash.update(chunk as Buffer);
  return `sha256:${hash.digest("hex")}`;
}

const taken = (response: ServerResponse, url: URL): void => void response.writeHead(202, { location: url.pathname }).end();
const asksFor = (server: { readonly asked: readonly string[] }, method: string): readonly string[] => server.asked.filter((line) => line.startsWith(method));

test("a 401 in the middle of a body is answered with a login, and the whole is sent again", async () => {
  const came: string[] = [];
  await using server = await registryThat({
    PATCH: (request, response, url) => {
      if (request.headers.authorization !== undefined) void digest(request).then((found) => (came.push(found), taken(response, url)));
      else request.once("data", () => response.writeHead(401, { "www-authenticate": 'Basic realm="app"', connection: "close" }).end());
    },
  });
  await push(server.base, { login });
  expect(came).toEqual([big.descriptor.digest]);
  expect(server.requests.at(-1)?.headers.authorization).toBe(`Basic ${Buffer.from("ann:secret").toString("base64")}`);
});

test("a session on another host gets no credentials", async () => {
  const heard: (string | undefined)[] = [];
  await using thief = await registryThat({
    PATCH: (request, response, url) => void (heard.push(request.headers.authorization), request.resume().on("end", () => taken(response, url))),
    PUT: (request, response) => void (heard.push(request.headers.authorization), response.writeHead(201).end()),
  });
  await using server = await registryThat({
    POST: (request, response) => {
      if (request.headers.authorization === undefined) response.writeHead(401, { "www-authenticate": 'Basic realm="app"' }).end();
      else response.writeHead(202, { location: `${thief.base}/v2/app/blobs/uploads/1` }).end();
    },
  });
  await push(server.base, { login });
  expect(heard).toEqual([undefined, undefined]);
});

test("who has forgotten the session gets the whole in another", async () => {
  const came: string[] = [];
  await using server = await registryThat({
    PATCH: (request, response, url) => {
      if (url.pathname.endsWith("/1")) request.once("data", () => response.destroy());
      else void digest(request).then((found) => (came.push(found), taken(response, url)));
    },
  });
  await push(server.base);
  expect([came, asksFor(server, "POST").length]).toEqual([[big.descriptor.digest], 2]);
});

test("what has come whole is not sent again when its answer is lost", async () => {
  await using server = await registryThat({
    PATCH: (request, response) => void request.resume().on("end", () => response.destroy()),
    GET: (_, response, url) => void response.writeHead(204, { location: url.pathname, range: `0-${size - 1}` }).end(),
  });
  await push(server.base);
  expect([asksFor(server, "PATCH").length, asksFor(server, "PUT").length]).toEqual([1, 1]);
});

const cut: Respond = (request, response) => void request.once("data", () => response.destroy());
const rows: readonly {
  readonly name: string;
  readonly rules: Parameters<typeof registryThat>[0];
  readonly code: string;
  readonly said: string;
  readonly idleMs?: number;
}[] = [
  {
    name: "answers 200 early and reads nothing",
    rules: { PATCH: (_, response) => void response.writeHead(200, { connection: "close" }).end() },
    code: "UNKNOWN",
    said: "the registry answered 200",
  },
  {
    name: "claims more than there is",
    rules: { PATCH: cut, GET: (_, response) => void response.writeHead(204, { range: "0-99999999999" }).end() },
    code: "PROTOCOL",
    said: `it says that it has 100000000000 bytes of ${size}`,
  },
  {
    name: "never answers after the last byte",
    rules: { PATCH: (request) => void request.resume(), GET: (_, response) => void response.writeHead(204, { range: "0-0" }).end() },
    code: "UNREACHABLE",
    said: "no byte went or came in 1.5 seconds",
    idleMs: 1_500,
  },
  {
    name: "answers with a head that does not end",
    rules: {
      PATCH: (_, response) => void response.socket?.write(`HTTP/1.1 202 Accepted\r\nx: ${"x".repeat(400_000)}`),
      GET: (_, response) => void response.writeHead(204, { range: "0-0" }).end(),
    },
    code: "UNREACHABLE",
    said: "its answer does not end",
  },
  { name: "forgets every session", rules: { PATCH: cut }, code: "UNREACHABLE", said: "Cannot reach" },
];
test.each(rows)("a registry that $name is left with an error that says so", async ({ rules, code, said, idleMs = 60_000 }) => {
  await using server = await registryThat(rules);
  await expect(push(server.base, { idleMs })).rejects.toMatchObject({ code, message: expect.stringContaining(said) as string });
  expect(asksFor(server, "PUT")).toEqual([]);
  expect(asksFor(server, "DELETE")).toHaveLength(code === "UNREACHABLE" ? 0 : 1);
});

test("content that is read and became shorter is told, and its session is cancelled", async () => {
  await using registry = await startRegistry({ logFormat: "none" });
  await using remote = await openRemote(registry.host, { env: {} });
  const short = Object.assign(slices(0, size), { from: (start: number) => slices(start, size - 1) });
  await expect(openRepository(remote, "app").push(big.descriptor, short)).rejects.toMatchObject({ code: "SIZE_INVALID" });
  await expect.poll(() => unfinished(registry.store.root)).toEqual([]);
});

/** Of what is there of the file now; then it is whole, or its making fails. */
function growing(steps: readonly number[], failure?: Error): GrowingBlob {
  let step = 0;
  const reach = async (known: number): Promise<number> => {
    for (; (steps[step] ?? Number.POSITIVE_INFINITY) <= known; step += 1) if (step === steps.length - 1 && failure === undefined) return size;
    if (step < steps.length) return steps[step]!;
    throw failure ?? new Error("nothing fails here");
  };
  const end = failure === undefined ? Promise.resolve(big.descriptor) : Promise.reject(failure);
  end.catch(() => {});
  const from = async function* (offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; ;) {
      const next = await reach(at);
      if (next === at) return;
      yield* slices(at, next);
      at = next;
    }
  };
  return { path: file.path, reach, from, digest: end, whole: end, [Symbol.asyncDispose]: async () => {} };
}

describe.each([false, true])("over TLS: %s", (isTls) => {
  const authority = createAuthority("authority");

  async function start() {
    const pair = issueCertificate(authority, { commonName: "registry", names: ["127.0.0.1"], usage: "server" });
    const registry = await startRegistry({ logFormat: "none", ...(isTls ? { tls: certificateFiles(file.scratch.root, pair) } : {}) });
    const certificates = join(file.scratch.root, "ca");
    mkdirSync(certificates);
    writeFileSync(join(certificates, "ca.crt"), authority.certificate);
    const remote = await openRemote(registry.host, { env: {}, certificates });
    expect(remote.base.startsWith("https:")).toBe(isTls);
    return { registry, remote };
  }

  test("a large blob and one that grows arrive whole", async () => {
    const { registry, remote } = await start();
    await using _ = registry;
    await using __ = remote;
    await openRepository(remote, "large").push(big.descriptor, content());
    expect(await openRepository(remote, "growing").pushGrowing!({ ...big.descriptor, size: 0 }, growing([3 * MIB, 3 * MIB + 1, size]))).toEqual(big.descriptor);
    for (const name of ["large", "growing"]) expect(await openRepository(remote, name).has(big.descriptor)).toBe(true);
    expect(Buffer.from(await registry.store.blobs.read(big.descriptor.digest, 64 * MIB)).equals(big.bytes)).toBe(true);
    expect(unfinished(registry.store.root)).toEqual([]);
  });

  test("when packing fails in the middle the upload is cancelled, and why is told", async () => {
    const { registry, remote } = await start();
    await using _ = registry;
    await using __ = remote;
    const failing = growing([2 * MIB, 5 * MIB], new Error("the disk is on fire"));
    await expect(openRepository(remote, "app").pushGrowing!({ ...big.descriptor, size: 0 }, failing)).rejects.toThrow("the disk is on fire");
    await expect.poll(() => unfinished(registry.store.root)).toEqual([]);
    expect(await registry.store.blobs.stat(big.descriptor.digest)).toBeUndefined();
  });
});
