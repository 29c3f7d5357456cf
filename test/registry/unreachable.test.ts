/** What a user is told who asks in the wrong way: without TLS, of an authority that nobody knows, of a server that fails, or of none. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { asked } from "../../cli/registry/asked.ts";
import { unreachable } from "../../registry/client/unreachable.ts";
import { RegistryError } from "../../registry/errors.ts";
import { runStrata, type Outcome } from "../support/cli.ts";
import { serveHttp } from "../support/http-server.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

let root: TemporaryRoot;
beforeAll(() => void (root = temporaryRoot()));
afterAll(() => root[Symbol.dispose]());

interface TlsServer extends AsyncDisposable {
  readonly port: number;
}

/** It lets go of whoever does not speak TLS. */
async function serveTls(status: number, body = "{}"): Promise<TlsServer> {
  const pair = issueCertificate(createAuthority("nobody knows it"), { commonName: "127.0.0.1", names: ["127.0.0.1"], usage: "server" });
  const server = createServer({ cert: pair.certificate, key: pair.key }, (_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function list(...args: readonly string[]): Promise<Outcome> {
  return await runStrata(root, ["registry", "ls", ...args]);
}

/** A name of this machine that is none of those which may do without TLS. */
const HERE = "0.0.0.0";

test("plain HTTP where TLS is due is said so, and taken where it is allowed", async () => {
  await using server = await serveHttp((_, response) => response.end('{"repositories":["app"]}'));
  const host = `${HERE}:${server.port}`;
  expect(await list(host)).toEqual({
    status: 1,
    stdout: "",
    stderr: `strata: Cannot reach ${host} by TLS: it speaks plain HTTP\nIf that is meant, say --insecure, or insecure = true for it in registries.conf\n`,
  });
  expect(await list("--insecure", host)).toMatchObject({ status: 0, stdout: "app\n" });
});

test.each([HERE, "127.0.0.1"])("at %s an authority that nobody knows is told with all that can be done", async (name) => {
  await using server = await serveTls(200);
  const { status, stderr } = await list(`${name}:${server.port}`);
  expect([status, stderr.split("\n")]).toEqual([
    1,
    [
      expect.stringMatching(/^strata: Cannot reach .*: (?:self-signed certificate|unable to verify)/),
      expect.stringMatching(/certs\.d\/[\d.]+:\d+\/ca\.crt.*--cert-dir.*--insecure$/),
      "",
    ],
  ]);
});

test.each([HERE, "127.0.0.1"])("at %s what a server says over TLS counts, not that it says nothing without", async (name) => {
  await using server = await serveTls(500);
  const host = `${name}:${server.port}`;
  expect(await list("--insecure", host)).toMatchObject({ status: 1, stderr: `strata: Cannot use https://${host} as a registry: it answered 500\n` });
});

test("who answers plain HTTP with a failure is told of, though he speaks no TLS", async () => {
  await using server = await serveHttp((_, response) => response.writeHead(500).end());
  const host = `${HERE}:${server.port}`;
  expect(await list("--insecure", host)).toMatchObject({ status: 1, stderr: `strata: Cannot use http://${host} as a registry: it answered 500\n` });
});

const ERRORS = '{"errors":[{"code":"UNKNOWN","message":"Cannot tell now who may do this: the policy cannot be read"}]}';
const REASON = "it answered 503, Cannot tell now who may do this: the policy cannot be read";

test("what a registry says of its failure is shown, over TLS and without", async () => {
  await using plain = await serveHttp((_, response) => response.writeHead(503).end(ERRORS));
  await using tls = await serveTls(503, ERRORS);
  for (const [scheme, { port }] of [
    ["http", plain],
    ["https", tls],
  ] as const)
    expect(await runStrata(root, ["pull", "-q", "--insecure", `127.0.0.1:${port}/app:v1`])).toMatchObject({
      status: 1,
      stderr: `strata: Cannot use ${scheme}://127.0.0.1:${port} as a registry: ${REASON}\n`,
    });
});

const failure = (code: string, more: object = {}): Error => Object.assign(new Error(`connect ${code}`), { code, ...more });
test.each([
  { what: "an unknown name", error: failure("ENOTFOUND", { hostname: "r.example" }), says: "no such host" },
  { what: "an unknown name of a proxy", error: failure("ENOTFOUND", { hostname: "proxy.example" }), says: "no such host (proxy.example)" },
  { what: "a resolver that is away", error: failure("EAI_AGAIN", { hostname: "r.example" }), says: "its name cannot be looked up now" },
  { what: "nobody there", error: failure("ECONNREFUSED", { address: "192.0.2.1", port: 5000 }), says: "connection refused (192.0.2.1:5000)" },
  {
    what: "nobody at each address",
    error: failure("ECONNREFUSED", {
      errors: [failure("ECONNREFUSED", { address: "::1", port: 5 }), failure("ECONNREFUSED", { address: "127.0.0.1", port: 5 })],
    }),
    says: "connection refused ([::1]:5, 127.0.0.1:5)",
  },
  { what: "a reset", error: failure("ECONNRESET"), says: "the connection was reset" },
  { what: "silence", error: failure("ETIMEDOUT", { address: "192.0.2.1", port: 5000 }), says: "no answer in time (192.0.2.1:5000)" },
  { what: "silence that we do not wait for", error: failure("UND_ERR_CONNECT_TIMEOUT"), says: "no answer in time" },
  { what: "no way there", error: failure("EHOSTUNREACH", { address: "192.0.2.1", port: 5000 }), says: "no route to the host (192.0.2.1:5000)" },
  { what: "what has no words of ours", error: failure("UND_ERR_SOCKET"), says: "connect UND_ERR_SOCKET" },
])("$what is told in words", ({ error, says }) => {
  const told = unreachable("https://r.example/v2/", new Error("fetch failed", { cause: error }));
  expect([told.message, told.code]).toEqual([`Cannot reach r.example: ${says}`, "UNREACHABLE"]);
});

test("an address that the user gave is not told twice", async () => {
  expect(await list("127.0.0.1:1")).toMatchObject({ status: 1, stderr: "strata: Cannot reach 127.0.0.1:1: connection refused\n" });
  expect((await list("localhost:1")).stderr).toBe("strata: Cannot reach localhost:1: connection refused (127.0.0.1:1)\n");
});

test.each([
  { verb: "push", name: "hello:v1", says: "hello:v1 names no registry, so it goes to docker.io; HOST/hello:v1 would name one" },
  { verb: "pull", name: "team/hello:v1", says: "team/hello:v1 names no registry, so it is asked for at docker.io; 'strata images' lists what is in the store" },
  { verb: "push", name: "docker.io/library/hello:v1", says: undefined },
  { verb: "push", name: "r.example/hello:v1", says: undefined },
] as const)("$verb of $name that cannot be reached", async ({ verb, name, says }) => {
  const failing = asked(verb, name, async () => await Promise.reject(new RegistryError("UNREACHABLE", "Cannot reach it")));
  await expect(failing).rejects.toMatchObject({ message: "Cannot reach it", hint: says });
});

test("push, build and copy say why a name without a registry went to docker.io", { timeout: 60_000 }, async () => {
  const context = join(root.runRoot, "context");
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
  const env = { https_proxy: "http://127.0.0.1:1", no_proxy: "" };
  const stderr = `Cannot reach registry-1.docker.io: connection refused (127.0.0.1:1)\nhello:v1 names no registry, so it goes to docker.io; HOST/hello:v1 would name one\n`;
  for (const args of [
    ["build", "-q", "--push", "-t", "hello:v1", context],
    ["push", "hello:v1"],
    ["copy", "hello:v1", "docker://hello:v1"],
  ])
    expect([args[0], await runStrata(root, args, { env })]).toEqual([args[0], expect.objectContaining({ status: 1, stderr: expect.stringContaining(stderr) })]);
});
