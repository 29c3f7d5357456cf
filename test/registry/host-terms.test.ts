/** What hosts.toml says of a host beside its address: authorities, client certificates and headers, kept by whom they are for. */
import { mkdirSync, writeFileSync } from "node:fs";
import { request as ask, type IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { readHostTerms } from "../../registry/client/host-terms.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { runStrata, type Outcome } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { serveImage, type FakeRegistry } from "./fake-registry.ts";
import { configOf, tarOf } from "./image.ts";
import { blob, manifestOf } from "./registry.ts";

const tar = await tarOf({ hello: Buffer.from("hello\n") });
const layer = blob(gzipSync(tar), MEDIA_TYPE.layerGzip);
const config = configOf(digestOf(tar));
const authority = createAuthority("strata test authority");
const client = issueCertificate(authority, { commonName: "ann", usage: "client" });

describe("hosts.toml", () => {
  const read = (fields: Record<string, unknown>): unknown => readHostTerms(fields, (path) => `/at/${path}`);
  test.each([
    { name: "nothing", fields: { capabilities: ["pull"] }, want: undefined },
    { name: "one authority", fields: { ca: "ca.pem" }, want: { authorities: ["/at/ca.pem"], clients: [], headers: {} } },
    { name: "several", fields: { ca: ["a", "b"] }, want: { authorities: ["/at/a", "/at/b"], clients: [], headers: {} } },
    { name: "a certificate and key in one file", fields: { client: "c" }, want: { authorities: [], clients: [pair("c", "c")], headers: {} } },
    { name: "a list of such", fields: { client: ["c", "d"] }, want: { authorities: [], clients: [pair("c", "c"), pair("d", "d")], headers: {} } },
    { name: "pairs", fields: { client: [["c", "k"], ["d", ""]] }, want: { authorities: [], clients: [pair("c", "k"), pair("d", "d")], headers: {} } }, // prettier-ignore
    { name: "headers", fields: { header: { "X-A": "1", "x-b": ["2", "3"] } }, want: { authorities: [], clients: [], headers: { "x-a": "1", "x-b": "2, 3" } } },
  ])("with $name", ({ fields, want }) => expect(read(fields)).toEqual(want));

  test.each([
    { name: "a number for an authority", fields: { ca: 1 }, says: "ca is no text" },
    { name: "three files for a client", fields: { client: [["a", "b", "c"]] }, says: "client is no pair" },
    { name: "a header of two lines", fields: { header: { "x-a": "1\r\nhost: evil" } }, says: "cannot be sent" },
    { name: "a header of letters that none holds", fields: { header: { "x-a": "\u{100}\u{7}" } }, says: "cannot be sent" },
    { name: "a header that says where the request ends", fields: { header: { "Transfer-Encoding": "chunked" } }, says: "cannot be sent" },
    { name: "a header of another host", fields: { header: { HOST: "evil" } }, says: "cannot be sent" },
    { name: "a header of no name", fields: { header: { "x a": "1" } }, says: "cannot be sent" },
    { name: "a list of headers", fields: { header: ["x"] }, says: "header is no table" },
  ])("with $name is refused", ({ fields, says }) => expect(() => read(fields)).toThrow(says));
});

function pair(certificate: string, key: string): object {
  return { certificate: `/at/${certificate}`, key: `/at/${key}` };
}

let root: TemporaryRoot;
let home: string;
let registry: FakeRegistry;
beforeEach(async () => {
  root = temporaryRoot();
  home = join(root.root, "../home");
  registry = await serveImage(manifestOf(config, [layer]), [config, layer]);
});
afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

/** Writes the files of `certs.d/away.test`. */
function tell(files: Readonly<Record<string, string>>): void {
  const folder = join(home, ".config/containerd/certs.d/away.test");
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

async function pull(): Promise<Outcome> {
  return await runStrata(root, ["pull", "-q", "away.test/app:v1"], { env: { HOME: home, XDG_CONFIG_HOME: join(home, ".config"), XDG_RUNTIME_DIR: home } });
}

/** Lets in whoever shows a certificate, and passes everything on to the registry. */
async function serveTls(seen: (request: IncomingMessage) => void): Promise<Server> {
  const own = issueCertificate(authority, { commonName: "127.0.0.1", names: ["127.0.0.1"], usage: "server" });
  const server = createServer(
    { cert: own.certificate, key: own.key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true },
    (request, reply) => {
      seen(request);
      ask({ host: "127.0.0.1", port: registry.port, path: request.url, headers: request.headers }, (answer) => {
        reply.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(reply);
      }).end();
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

test("a mirror is trusted, shown a certificate and sent headers as hosts.toml says; a file that is missing is named", async () => {
  const seen = new Set<string>();
  const server = await serveTls((request) =>
    seen.add(JSON.stringify([(request.socket as TLSSocket).getPeerCertificate().subject.CN, request.headers["x-project"]])),
  );
  try {
    const host = `[host."https://127.0.0.1:${(server.address() as AddressInfo).port}"]\n`;
    tell({ "hosts.toml": host });
    expect(await pull()).toMatchObject({ status: 1, stderr: expect.stringContaining("A mirror was asked before") });
    tell({
      "hosts.toml": `${host}ca = "own.pem"\nclient = [["ann.pem", "ann.key"]]\n[host."https://127.0.0.1:${(server.address() as AddressInfo).port}".header]\nx-project = "blue"\n`,
    });
    expect(await pull()).toMatchObject({ status: 1, stderr: expect.stringContaining("/certs.d/away.test/own.pem for 127.0.0.1") });
    tell({ "own.pem": authority.certificate, "ann.pem": client.certificate, "ann.key": client.key });
    expect(await pull()).toMatchObject({ status: 0, stderr: "" });
    expect(seen).toEqual(new Set(['["ann","blue"]']));
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test("headers of a host do not go where it leads to", async () => {
  await using mirror = await serveImage(manifestOf(config, [layer]), [config, layer], (request, reply) => {
    if (request.url?.includes("/blobs/") !== true) return false;
    reply.writeHead(307, { location: registry.base + request.url }).end();
    return true;
  });
  tell({ "hosts.toml": `[host."${mirror.base}"]\n[host."${mirror.base}".header]\nx-project = "blue"\n` });
  expect(await pull()).toMatchObject({ status: 0, stderr: "" });
  expect(new Set(mirror.requests.map(({ headers }) => headers["x-project"]))).toEqual(new Set(["blue"]));
  expect(new Set(registry.requests.map(({ headers }) => headers["x-project"]))).toEqual(new Set([undefined]));
  expect(registry.requests.length).toBeGreaterThan(0);
});

test("a client certificate of certs.d without its key is told, and nothing is asked without it", async () => {
  const folder = join(home, ".config/docker/certs.d", registry.host);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "client.cert"), client.certificate);
  const { status, stderr } = await runStrata(root, ["pull", "-q", `${registry.host}/app:v1`], { env: { HOME: home, XDG_CONFIG_HOME: join(home, ".config") } });
  expect([status, stderr]).toEqual([1, expect.stringMatching(/^strata: Cannot use the client certificate .*client\.cert: its key client\.key is not there/)]);
  expect(registry.asked).toEqual([]);
});
