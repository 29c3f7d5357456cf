/** Through a proxy, over TLS: own authorities and client certificates, who may be spoken to in the clear, and where passwords go. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import { connect as connectTo, type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { openRepository } from "../../registry/client/repository.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { blob, noise } from "./registry.ts";

const NAME = "registry.test";
const part = blob(noise(200_000));
const authority = createAuthority("strata test authority");
const retry = { attempts: 2, firstMs: 1, longestMs: 1 };

let scratch: TemporaryRoot;
let servers: Server[];
beforeEach(() => {
  scratch = temporaryRoot();
  servers = [];
});
afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  scratch[Symbol.dispose]();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A registry of one blob that answers to the name. */
async function startTls(more: ServerOptions = {}, location = (): string | undefined => undefined): Promise<number> {
  const { certificate, key } = issueCertificate(authority, { commonName: NAME, names: [NAME], usage: "server" });
  const server = createTlsServer({ cert: certificate, key, ...more }, (request, response) => {
    const to = location();
    if (request.url === "/v2/") response.end("{}");
    else if (request.method === "HEAD") response.writeHead(404).end();
    else if (request.method === "POST") response.writeHead(202, { location: to ?? "/elsewhere" }).end();
    else if (to !== undefined) response.writeHead(307, { location: to }).end();
    else response.end(part.bytes);
  });
  return await listen(server);
}

/** Leads every CONNECT to loopback, whatever name it is for: no name of these tests can be resolved. */
async function startProxy(): Promise<{ readonly url: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createHttpServer((_request, response) => response.writeHead(501).end());
  server.on("connect", (request, client) => {
    asked.push(request.url ?? "");
    const port = Number(/:(\d+)$/.exec(request.url ?? "")?.[1]);
    const upstream = connectTo(port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    for (const end of [upstream, client]) end.on("error", () => end.destroy());
    client.on("close", () => upstream.destroy());
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, asked };
}

function trust(host: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(scratch.root, ".config/docker/certs.d", host, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

async function fetchPart(host: string, env: NodeJS.ProcessEnv, more: { readonly insecure?: boolean; readonly certificates?: string } = {}): Promise<number> {
  await using remote = await openRemote(host, { env: { HOME: scratch.root, ...env }, retry, ...more });
  let count = 0;
  for await (const chunk of openRepository(remote, "app").fetch(part.descriptor)) count += chunk.length;
  return count;
}

test("the program goes through it too", async () => {
  const [proxy, port] = [await startProxy(), await startTls()];
  const args = ["login", "--insecure", "--authfile", join(scratch.root, "auth.json"), "-u", "ann", "--password-stdin", `${NAME}:${port}`];
  const { status, stdout, stderr } = await runStrata(scratch, args, { env: { https_proxy: proxy.url }, input: "secret" });
  expect([status, stdout, stderr, new Set(proxy.asked)]).toEqual([0, "Login Succeeded\n", expect.stringContaining("Kept in"), new Set([`${NAME}:${port}`])]);
});

test("HTTPS_PROXY leads there, with the authority of certs.d; NO_PROXY leads past it", async () => {
  const host = `${NAME}:${await startTls()}`;
  const proxy = await startProxy();
  await expect(fetchPart(host, { HTTPS_PROXY: proxy.url })).rejects.toMatchObject({ code: "UNREACHABLE", message: expect.stringMatching(/certificate/) });
  trust(host, { "ca.crt": authority.certificate });
  expect(await fetchPart(host, { HTTPS_PROXY: proxy.url })).toBe(part.bytes.length);
  expect(await fetchPart(host, { https_proxy: proxy.url })).toBe(part.bytes.length);
  expect(new Set(proxy.asked)).toEqual(new Set([host]));
  const before = proxy.asked.length;
  await expect(fetchPart(host, { HTTPS_PROXY: proxy.url, NO_PROXY: NAME })).rejects.toMatchObject({ code: "UNREACHABLE" });
  expect(proxy.asked.length).toBe(before);
  expect(await fetchPart(`127.0.0.1:${await startPlain()}`, { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url })).toBe(part.bytes.length); // loopback needs none
  expect(proxy.asked.length).toBe(before);
});

async function startPlain(): Promise<number> {
  return await listen(createHttpServer((request, response) => void response.end(request.url === "/v2/" ? "{}" : part.bytes)));
}

test("a client certificate is shown where one is kept, through the proxy too; --cert-dir names another folder", async () => {
  const host = `${NAME}:${await startTls({ requestCert: true, rejectUnauthorized: true, ca: authority.certificate })}`;
  const { url } = await startProxy();
  trust(host, { "ca.crt": authority.certificate });
  await expect(fetchPart(host, { HTTPS_PROXY: url })).rejects.toMatchObject({ code: "UNREACHABLE" });
  const client = issueCertificate(authority, { commonName: "ann", usage: "client" });
  trust(host, { "client.cert": client.certificate, "client.key": client.key });
  expect(await fetchPart(host, { HTTPS_PROXY: url })).toBe(part.bytes.length);
  expect(await fetchPart(host, { HTTPS_PROXY: url, HOME: "/nowhere" }, { certificates: join(scratch.root, ".config/docker/certs.d", host) })).toBe(
    part.bytes.length,
  );
});

test("unknown certificates and plain HTTP are for --insecure only, and loopback", async () => {
  const { url } = await startProxy();
  const tls = `${NAME}:${await startTls()}`;
  expect(await fetchPart(tls, { HTTPS_PROXY: url }, { insecure: true })).toBe(part.bytes.length);
  const plain = `${NAME}:${await startPlain()}`;
  await expect(fetchPart(plain, { HTTP_PROXY: url })).rejects.toMatchObject({ code: "UNREACHABLE" });
  expect(await fetchPart(plain, { HTTP_PROXY: url }, { insecure: true })).toBe(part.bytes.length);
});

test("nothing leads from TLS into the clear: neither a redirect nor the Location of an upload", async () => {
  const { url } = await startProxy();
  const heard: unknown[] = [];
  const clear = await listen(createHttpServer((request, response) => void (heard.push(request.url), response.end(part.bytes))));
  const host = `${NAME}:${await startTls({}, () => `http://127.0.0.1:${clear}/blob`)}`;
  trust(host, { "ca.crt": authority.certificate });
  const leaves = { code: "PROTOCOL", message: expect.stringContaining("it leaves TLS") };
  await expect(fetchPart(host, { HTTPS_PROXY: url })).rejects.toMatchObject(leaves);
  await using remote = await openRemote(host, { env: { HOME: scratch.root, HTTPS_PROXY: url }, retry });
  await expect(
    openRepository(remote, "app").push(
      part.descriptor,
      (async function* content() {
        yield part.bytes;
      })(),
    ),
  ).rejects.toMatchObject(leaves);
  expect(heard).toEqual([]);
});
