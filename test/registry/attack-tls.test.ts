/** The attacks of a plain server on one over TLS, and those that only TLS has. */
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { openRepository } from "../../registry/client/repository.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { PATHS, SMUGGLED } from "./attacks.ts";
import { blob, certificateFiles, manifestOf, noise, startRegistry, type TestRegistry } from "./registry.ts";

const authority = createAuthority("strata test authority");
const kept = blob(noise(1_000));
const victim = manifestOf(kept, []);

let scratch: TemporaryRoot;
let registry: TestRegistry;
let port: number;

beforeAll(async () => {
  scratch = temporaryRoot();
  const tls = certificateFiles(scratch.root, issueCertificate(authority, { commonName: "registry", names: ["127.0.0.1"], usage: "server" }));
  registry = await startRegistry({ logFormat: "none", tls, clientTimeoutMs: 4_000 });
  port = Number(registry.host.split(":")[1]);
  await using remote = await openRemote(registry.host, { env: {}, insecure: true });
  const repository = openRepository(remote, "victim");
  for (const { descriptor, bytes } of [kept, victim]) await repository.push(descriptor, content(bytes));
  await repository.tag("v1", victim);
});

afterAll(async () => {
  await serves();
  expect(registry.lines).toEqual([]);
  await registry[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

/** Our own client finds what it pushed. */
async function serves(): Promise<void> {
  await using remote = await openRemote(registry.host, { env: {}, insecure: true });
  expect((await openRepository(remote, "victim").read("v1")).descriptor.digest).toBe(victim.descriptor.digest);
}

async function* content(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Everything that is said to these bytes, until the connection ends; `more` is sent again and again. */
async function say(bytes: string, more = ""): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", ca: authority.certificate });
  let said = "";
  socket.on("error", () => {}); // reset is one of the ways to be cut off
  socket.on("data", (chunk: Buffer) => (said += chunk.toString("latin1")));
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await once(socket, "secureConnect");
  const timer = more === "" ? undefined : setInterval(() => setImmediate(() => socket.write(more)), 200);
  socket.write(bytes);
  await closed;
  clearInterval(timer);
  return said;
}

test.each(SMUGGLED)("over TLS: $name is refused", async ({ bytes }) => {
  const said = await say(bytes);
  expect(said.match(/HTTP\/1\.1 \d+/g)?.at(-1)).toMatch(/ 4(?:00|04|13|31)$/);
  await serves();
});

test.each(PATHS)("over TLS: the path $name leads nowhere", async ({ path }) => {
  const said = await say(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  expect(said).toMatch(path.length > 50_000 ? /^(?:HTTP\/1\.1 431 |$)/ : /^HTTP\/1\.1 4(?:00|04|31) /);
  expect(said).not.toContain("root:");
});

test.each([
  { name: "whose headers never end", first: "GET /v2/ HTTP/1.1\r\nhost: localhost\r\nx-slow: ", status: 408 },
  {
    name: "whose bodies creep",
    first: `POST /v2/slow/blobs/uploads/?digest=sha256:${"0".repeat(64)} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n`,
    status: 408,
  },
  {
    name: "who are refused and creep on",
    first: "PUT /v2/NOT_A_NAME/manifests/v1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n",
    status: 400,
  },
])("over TLS: slow clients $name are cut off", { timeout: 300_000 }, async ({ first, status }) => {
  const said = await Promise.all(Array.from({ length: 30 }, async () => await say(first, "a")));
  expect(new Set(said.map((text) => text.slice(0, 12)))).toEqual(new Set([`HTTP/1.1 ${status}`]));
});

test("over TLS: who never shakes hands, or speaks plainly, is cut off", { timeout: 300_000 }, async () => {
  const talk = async (bytes: string | Buffer): Promise<void> => {
    const socket = connectPlain(port, "127.0.0.1").on("error", () => {});
    socket.resume().write(bytes);
    await once(socket, "close");
  };
  await Promise.all(["", Buffer.from([22, 3, 1, 2, 0, 1]), "GET /v2/ HTTP/1.1\r\nhost: localhost\r\n\r\n"].map(talk));
  await serves();
});

test("over TLS: who speaks plainly is told so, also by the many, and keeps nothing open", async () => {
  const ask = async (rest: string): Promise<string> => {
    const socket = connectPlain(port, "127.0.0.1").on("error", () => {});
    let said = "";
    socket.on("data", (chunk: Buffer) => (said += chunk.toString("latin1")));
    socket.write(`GET /v2/ HTTP/1.1\r\nhost: localhost\r\n${rest}`);
    await once(socket, "close");
    return said;
  };
  expect(await ask("\r\n")).toMatch(/^HTTP\/1\.0 400 Bad Request\r\n[^]*\r\n\r\nClient sent an HTTP request to an HTTPS server\.\n$/);
  await Promise.all(Array.from({ length: 100 }, async (_, n) => await ask(n % 2 === 0 ? "x-slow: " : "x".repeat(100_000))));
  await serves();
});

test("HTTP/2 is neither agreed on nor begun", async () => {
  const agree = async (...offered: readonly string[]): Promise<string | false | null> => {
    const socket = connect({ port, host: "127.0.0.1", ca: authority.certificate, ALPNProtocols: [...offered] });
    try {
      await once(socket, "secureConnect");
      return socket.alpnProtocol;
    } finally {
      socket.destroy();
    }
  };
  expect(await agree("h2", "http/1.1")).toBe("http/1.1");
  await expect(agree("h2")).rejects.toThrow();
  const settings = "\0\0\0\x04\0\0\0\0\0";
  expect(await say(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings.repeat(20_000)}`, settings)).toMatch(/^HTTP\/1\.1 400 /);
  const upgrade = "connection: upgrade, http2-settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
  expect(await say(`GET /v2/ HTTP/1.1\r\nhost: localhost\r\n${upgrade}\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
  await serves();
});
