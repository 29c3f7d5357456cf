/** NODE_EXTRA_CA_CERTS: node would read it at every start, so the shell line of bin/strata.js sets it aside until somebody connects. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { request as ask } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { serveImage, type FakeRegistry } from "./fake-registry.ts";
import { configOf, tarOf } from "./image.ts";
import { blob, manifestOf } from "./registry.ts";
import type { Outcome } from "../support/cli.ts";
import { strata, temporaryRoot, type TemporaryRoot } from "../support/root.ts";

const tar = await tarOf({ hello: Buffer.from("hello\n") });
const layer = blob(gzipSync(tar), MEDIA_TYPE.layerGzip);
const config = configOf(digestOf(tar));
const authority = createAuthority("strata test authority");

let root: TemporaryRoot;
let registry: FakeRegistry;
let server: Server;
let host: string;
let file: string;
beforeAll(async () => {
  root = temporaryRoot();
  file = join(root.root, "../authority.pem");
  writeFileSync(file, authority.certificate);
  registry = await serveImage(manifestOf(config, [layer]), [config, layer]);
  const own = issueCertificate(authority, { commonName: "127.0.0.1", names: ["127.0.0.1"], usage: "server" });
  server = createServer({ cert: own.certificate, key: own.key }, (request, reply) => {
    ask({ host: "127.0.0.1", port: registry.port, path: request.url, headers: request.headers }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await registry[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

/** By its own first line, as a shell starts it. */
async function start(authorities: string, ...args: readonly string[]): Promise<Outcome> {
  return await new Promise((resolve) => {
    execFile(strata, args, { env: { ...root.env, NODE_EXTRA_CA_CERTS: authorities } }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

test("create pulls from a registry whose authority it names, and not without", async () => {
  const create = ["create", "--name", "made", "-e", "NODE_EXTRA_CA_CERTS", `${host}/app:v1`, "/hello"];
  expect(await start("", ...create)).toMatchObject({ status: 1, stderr: expect.stringMatching(/certificate/) });
  expect(await start("/missing.pem", ...create)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/Ignoring the certificates that NODE_EXTRA_CA_CERTS names: .*missing/),
  });
  expect(await start(file, ...create)).toMatchObject({ status: 0 });
  const { stdout } = await start(file, "inspect", "-f", "{{json .Config.Env}}", "made");
  expect(JSON.parse(stdout)).toContain(`NODE_EXTRA_CA_CERTS=${file}`);
});

test("build adds what a server of that authority has, and not without", async () => {
  const context = join(root.root, "../context");
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), `FROM scratch\nADD https://${host}/v2/app/blobs/${digestOf(config.bytes)} /config\n`);
  expect(await start("", "build", "-q", context)).toMatchObject({ status: 1, stderr: expect.stringMatching(/certificate/) });
  expect(await start(file, "build", "-q", context)).toMatchObject({ status: 0, stderr: "" });
});
