/** What a user is told who asks in the wrong way: without TLS, of an authority that nobody knows, or of a server that fails. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
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
async function serveTls(status: number): Promise<TlsServer> {
  const pair = issueCertificate(createAuthority("nobody knows it"), { commonName: "127.0.0.1", names: ["127.0.0.1"], usage: "server" });
  const server = createServer({ cert: pair.certificate, key: pair.key }, (_, response) => response.writeHead(status).end("{}"));
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
