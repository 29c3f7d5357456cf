/** ADD of URLs from servers on loopback, kind and hostile ones. */
import { createServer as createSecureServer } from "node:https";
import { createServer } from "node:net";
import { readdirSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { download } from "../../builder/remote/download.ts";
import { nameInDisposition, nameInUrl } from "../../builder/remote/file-name.ts";
import type { RemoteScope } from "../../builder/remote/scope.ts";
import type { Secret } from "../../builder/request.ts";
import { serveHttp, type HttpServer } from "../support/http-server.ts";
import { openLab, type Built, type Lab } from "./lab.ts";

const CONTENT = "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let lab: Lab;
let server: HttpServer;
let other: HttpServer;
let answer: Answer;

beforeAll(async () => {
  server = await serveHttp((request, response) => answer(request, response));
  other = await serveHttp((request, response) => response.end(request.headers.authorization ?? "none"));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});
beforeEach(async () => {
  lab = await openLab();
  answer = (_, response) => response.end("content");
});
afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

const add = async (words: string, request: Parameters<Lab["build"]>[1] = {}): Promise<Built> => await lab.build(`FROM scratch\nADD ${words}\n`, request);
const scope = (...authorities: readonly string[]): RemoteScope => ({
  root: lab.store.root,
  secrets: new Map(),
  ssh: "none",
  pins: undefined,
  authorities: async () => await Promise.resolve(authorities),
  signal: AbortSignal.timeout(60_000),
});
const leftovers = (): readonly string[] =>
  readdirSync(lab.store.root, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() && entry.parentPath.includes("builder") ? [entry.name] : [],
  );

const validators: readonly (readonly [name: string, headers: Readonly<Record<string, string>>, condition: string])[] = [
  ["ETag", { etag: '"one"' }, "if-none-match"],
  ["Last-Modified", { "last-modified": "Tue, 01 Jan 1974 00:00:00 GMT" }, "if-modified-since"],
];

test.each(validators)("What is unchanged by its %s is a hit and not sent again", async (_, headers, condition) => {
  let sent = 0;
  answer = (request, response) => {
    if (request.headers[condition] === Object.values(headers)[0]) return void response.writeHead(304).end();
    sent += 1;
    response.writeHead(200, headers).end("content");
  };
  await add(`${server.base}/dir/file.txt?x=1 /n/`);
  const again = await add(`${server.base}/dir/file.txt?x=1 /n/`);
  expect([...again.steps.values()]).toEqual([expect.stringMatching(/^hit/)]);
  expect(again.files["n/file.txt"]).toBe("file 600 0:0 content");
  await add(`${server.base}/dir/file.txt?x=1 /elsewhere/`); // another layer of the same content
  expect(sent).toBe(1);
});

test("What changed is downloaded and built again", async () => {
  let text = "one";
  answer = (_, response) => response.writeHead(200, { etag: `"${text}"` }).end(text);
  await add(`${server.base}/f /f`);
  text = "two";
  const { files, steps } = await add(`${server.base}/f /f`);
  expect(files["f"]).toBe("file 600 0:0 two");
  expect([...steps.values()]).toEqual([expect.stringMatching(/^miss/)]);
});

test("A checksum is the key: while the layer is there the server is not asked", async () => {
  await add(`--checksum=${CONTENT} ${server.base}/f /f`);
  const before = server.asked.length;
  expect([...(await add(`--checksum=${CONTENT} ${server.base}/f /f`)).steps.values()]).toEqual([expect.stringMatching(/^hit/)]);
  expect(server.asked.length).toBe(before);
  await expect(add(`--checksum=sha256:${"0".repeat(64)} ${server.base}/f /f`)).rejects.toMatchObject({
    message: expect.stringContaining(`its digest is ${CONTENT}`) as string,
  });
  await expect(add(`--checksum=sha256:00 ${server.base}/f /f`)).rejects.toMatchObject({ code: "FLAG_INVALID" });
});

test("Owner, mode and unpacking are as asked", async () => {
  const tar = gzipSync(await tarOf({ "in/side": "S" }));
  answer = (_, response) => response.end(tar);
  const packed = await add(`--chmod=640 --chown=3:4 ${server.base}/x.tgz /n/`);
  expect(packed.files["n/x.tgz"]).toMatch(/^file 640 3:4/);
  const unpacked = await add(`--unpack ${server.base}/x.tgz /n/`);
  expect(unpacked.files["n/in/side"]).toMatch(/^file 644 0:0 S/);
});

test.each([
  ["the URL's path", "/a/b%20c?d=e", {}, "b c"],
  ["Content-Disposition when the path names nothing", "/", { "content-disposition": 'attachment; filename="../named.txt"' }, "named.txt"],
  ["the URL's path before Content-Disposition", "/own", { "content-disposition": "attachment; filename=named.txt" }, "own"],
] as const)("In a folder the file is named by %s", async (_, path, headers, name) => {
  answer = (_request, response) => response.writeHead(200, headers).end("content");
  expect((await add(`${server.base}${path} /n/`)).files[`n/${name}`]).toBe("file 600 0:0 content");
});

test("Names never lead out of the folder", () => {
  expect([nameInUrl("http://h/.."), nameInUrl("http://h/%2e%2e"), nameInUrl("http://h/a%2Fb"), nameInUrl("http://h")]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(nameInDisposition("attachment; filename*=UTF-8''na%C3%AFve%2F..")).toBeUndefined();
  expect(nameInDisposition('x; filename="a/b/c"')).toBe("c");
  expect(nameInDisposition('x; filename=".."')).toBeUndefined();
});

test("Redirects are followed, but take no credentials to another host", async () => {
  const secrets = (names: Readonly<Record<string, string>>): ReadonlyMap<string, Secret> =>
    new Map(Object.entries(names).map(([name, text]) => [name, { read: () => Buffer.from(text) }]));
  const seen: (string | undefined)[] = [];
  answer = (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: `http://localhost:${other.port}/final` }).end();
  };
  const { files } = await add(`${server.base}/moved /n/`, { secrets: secrets({ "HTTP_AUTH_TOKEN_127.0.0.1": "t0ken" }) });
  expect(files["n/moved"]).toBe("file 600 0:0 none");
  await add(`${server.base}/again /n/`, { secrets: secrets({ "HTTP_AUTH_HEADER_127.0.0.1": "Custom x" }) });
  await add(`http://user:pass@127.0.0.1:${server.port}/third /n/`);
  expect(seen).toEqual(["Bearer t0ken", "Custom x", "Basic dXNlcjpwYXNz"]);
});

const hostile: readonly (readonly [name: string, answer: Answer, message: RegExp])[] = [
  ["404", (_, response) => response.writeHead(404).end("<html>"), /the server answered 404/],
  ["a loop of redirects", (_, response) => response.writeHead(302, { location: "/loop" }).end(), /more than 10 redirects/],
  ["a redirect to a file", (_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(), /redirects to file:\/\/, only http and https/],
  ["a redirect to nonsense", (_, response) => response.writeHead(302, { location: "http://[" }).end(), /which is no URL/],
  [
    "a body shorter than it said",
    (_, response) => (response.writeHead(200, { "content-length": "100" }), response.write("x"), void setTimeout(() => response.destroy(), 50)),
    /ended before the content did/,
  ],
  ["silence", () => undefined, /does not answer/],
  ["silence in the middle", (_, response) => (response.writeHead(200), void response.write("x")), /does not answer|only \d+ bytes/],
  ["a body without end", (_, response) => endless(response), /longer than 1048576 bytes/],
  [
    "a bomb in gzip",
    (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(8 << 20))),
    /longer than 1048576 bytes/,
  ],
  [
    "an encoding that nobody asked for",
    (_, response) => response.writeHead(200, { "content-encoding": "br" }).end("x"),
    /encoding "br", which nobody asked for/,
  ],
  ["gzip that is none", (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x".repeat(100)), /incorrect header check/],
];

test.each(hostile)("A server that answers with %s is refused, and nothing is stored", async (name, hostileAnswer, message) => {
  answer = hostileAnswer;
  const silenceMs = name.startsWith("silence") ? 1000 : 60_000; /* a busy machine is silent for a second too */
  await expect(download(`${server.base}/x`, scope(), { maxBytes: 1 << 20, silenceMs })).rejects.toMatchObject({
    code: "DOWNLOAD_FAILED",
    message: expect.stringMatching(message) as string,
  });
  expect(leftovers()).toEqual([]);
});

test("A server that drips is given up", async () => {
  answer = (_, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write("x"), 100);
    response.on("close", () => clearInterval(drip));
  };
  await expect(download(`${server.base}/x`, scope(), { silenceMs: 3000 })).rejects.toMatchObject({
    message: expect.stringMatching(/only \d+ bytes in 3 s/) as string,
  });
});

test("Over TLS, whom the caller trusts is trusted, and nobody else", async () => {
  const authority = createAuthority("strata test authority");
  const own = issueCertificate(authority, { commonName: "127.0.0.1", names: ["127.0.0.1"], usage: "server" });
  const secure = createSecureServer({ cert: own.certificate, key: own.key }, (_, response) => response.end("content"));
  await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
  try {
    const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/x`;
    await expect(download(url, scope())).rejects.toMatchObject({ code: "DOWNLOAD_FAILED", message: expect.stringContaining("certificate") as string });
    expect((await download(url, scope(authority.certificate))).digest).toBe(CONTENT);
  } finally {
    secure.closeAllConnections();
    secure.close();
  }
});

test("What answers no HTTP, or nobody, is told", async () => {
  const raw = createServer((socket) => socket.on("error", () => undefined).end("SSH-2.0-x\r\n", () => socket.destroy()));
  await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
  const { port } = raw.address() as AddressInfo;
  await expect(add(`http://127.0.0.1:${port}/x /x`)).rejects.toMatchObject({ code: "DOWNLOAD_FAILED", place: { line: 2 } });
  await expect(add(`https://127.0.0.1:${server.port}/x /x`)).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
  raw.close();
  await expect(add(`http://127.0.0.1:${port}/x /x`)).rejects.toMatchObject({ message: expect.stringMatching(/ECONNREFUSED/) as string });
  await expect(add("file:///etc/passwd /x")).rejects.toMatchObject({ code: "SOURCE_UNKNOWN" });
});

function endless(response: ServerResponse): void {
  response.writeHead(200);
  const chunk = Buffer.alloc(1 << 16, "x");
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more);
  more();
}

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const { pack } = await import("tar-stream");
  const tar = pack();
  for (const [name, text] of Object.entries(files)) tar.entry({ name }, text);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
