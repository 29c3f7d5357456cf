/** TLS to a registry in this machine: not paced by what the machine chose for networks, and trusted no sooner than anywhere. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { connect } from "../../registry/client/connection.ts";

const BYTES = 3 << 20;
const authority = createAuthority("strata test authority");

let folder: string;
let server: Server;
let port: number;
beforeAll(async () => {
  folder = mkdtempSync("/dev/shm/strata-test-near-");
  const own = issueCertificate(authority, { commonName: "127.0.0.1", names: ["127.0.0.1", "localhost"], usage: "server" });
  server = createServer({ cert: own.certificate, key: own.key }, (request, reply) => void answer(request, reply));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

/** How many bytes came, and what the kernel says of whoever sent them, while they are connected. */
async function answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) bytes += chunk.length;
  const { remotePort } = request.socket;
  const sender = execFileSync("ss", ["-Htin", `sport = :${remotePort} and dport = :${port}`], { encoding: "utf8" });
  reply.end(JSON.stringify({ bytes, isUnpaced: /\breno\b/.test(sender) }));
}

async function* content(): AsyncGenerator<Uint8Array> {
  for (let left = BYTES; left > 0; left -= 1 << 20) yield Buffer.alloc(1 << 20, left);
}

const names = ["127.0.0.1", "localhost"];

test.each(names)("what is sent to %s over TLS is not paced", async (name) => {
  const host = `${name}:${port}`;
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, "ca.crt"), authority.certificate);
  await using connection = await connect({ host, env: {}, certificates: join(folder, name) });
  const { status, body } = await connection.send({ method: "PATCH", url: `https://${host}/upload`, body: content() });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  expect({ status, ...(JSON.parse(Buffer.concat(chunks).toString()) as object) }).toEqual({ status: 200, bytes: BYTES, isUnpaced: true });
});

test("nobody is trusted for being near", async () => {
  const host = `127.0.0.1:${port}`;
  await using connection = await connect({ host, env: { HOME: folder } });
  await expect(connection.send({ method: "GET", url: `https://${host}/v2/` })).rejects.toMatchObject({ code: "UNREACHABLE" });
});

test("a certificate that is none fails the request", async () => {
  const host = `127.0.0.1:${port}`;
  const broken = join(folder, "broken");
  mkdirSync(broken);
  writeFileSync(join(broken, "client.cert"), "no certificate");
  writeFileSync(join(broken, "client.key"), "no key");
  await using connection = await connect({ host, env: {}, certificates: broken });
  await expect(connection.send({ method: "GET", url: `https://${host}/v2/` })).rejects.toMatchObject({ code: "UNREACHABLE" });
});
