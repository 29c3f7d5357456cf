/** What the sheet asks of a registry's client about credentials, trust and the way there, a row each. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { json } from "../../http/reply.ts";
import { serve } from "../../http/serve.ts";
import { listCatalog } from "../../registry/client/repository.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { certificateFiles, startRegistry } from "./registry.ts";

let scratch: TemporaryRoot;
const authority = createAuthority("strata test authority");
beforeEach(() => void (scratch = temporaryRoot()));
afterEach(() => scratch[Symbol.dispose]());

async function catalog(host: string, env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  await using remote = await openRemote(host, { env: { HOME: scratch.root, ...env }, retry: { attempts: 1, firstMs: 1, longestMs: 1 } });
  return await listCatalog(remote);
}

/** Writes into certs.d of the host. */
function trust(host: string, files: Readonly<Record<string, string>>): void {
  const folder = join(scratch.root, ".config/containers/certs.d", host);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries({ "ca.crt": authority.certificate, ...files })) writeFileSync(join(folder, name), text);
}

test.each([
  { name: "podman's file of this session", folder: "run/containers", file: "auth.json", env: (root: string) => ({ XDG_RUNTIME_DIR: join(root, "run") }) },
  { name: "podman's file of this user", folder: ".config/containers", file: "auth.json", env: () => ({}) },
  { name: "docker's file", folder: ".docker", file: "config.json", env: () => ({}) },
  {
    name: "docker's file where DOCKER_CONFIG says",
    folder: "elsewhere",
    file: "config.json",
    env: (root: string) => ({ DOCKER_CONFIG: join(root, "elsewhere") }),
  },
])("Auth: the password is found in $name", async ({ folder, file, env }) => {
  const htpasswd = join(scratch.root, "htpasswd");
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
  await using registry = await startRegistry({ htpasswd });
  await expect(catalog(registry.host, env(scratch.root))).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  mkdirSync(join(scratch.root, folder), { recursive: true });
  const auths = { [registry.host]: { auth: Buffer.from("ann:secret").toString("base64") } };
  writeFileSync(join(scratch.root, folder, file), JSON.stringify({ auths }));
  expect(await catalog(registry.host, env(scratch.root))).toEqual([]);
});

test("Auth: a client certificate of certs.d is shown to its host", async () => {
  const pair = issueCertificate(authority, { commonName: "registry", names: ["127.0.0.1"], usage: "server" });
  await using listener = await serve({
    port: 0,
    tls: { ...pair, ca: authority.certificate },
    handler: ({ socket }) =>
      (socket as { authorized?: boolean } | undefined)?.authorized === true ? json(200, { repositories: ["for/friends"] }) : json(403, {}),
  });
  const host = `127.0.0.1:${listener.port}`;
  trust(host, {});
  await expect(catalog(host, {})).rejects.toThrow();
  const own = issueCertificate(authority, { commonName: "ann", usage: "client" });
  trust(host, { "client.cert": own.certificate, "client.key": own.key });
  expect(await catalog(host, {})).toEqual(["for/friends"]);
});

test("Auth: a proxy is gone through, with the trust that is for the registry", async () => {
  const pair = issueCertificate(authority, { commonName: "registry", names: ["registry.example"], usage: "server" });
  await using registry = await startRegistry({ tls: certificateFiles(scratch.root, pair), logFormat: "none", servedNames: ["registry.example"] });
  const asked: string[] = [];
  const proxy: Server = createServer().listen(0, "127.0.0.1");
  proxy.on("connect", (request, socket) => {
    asked.push(request.url ?? "");
    const through = connect(Number(registry.host.split(":")[1]), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(through).pipe(socket);
    });
    for (const end of [socket, through]) end.on("error", () => {});
    socket.on("close", () => through.destroy());
    through.on("close", () => socket.destroy());
  });
  await once(proxy, "listening");
  const env = { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  try {
    await expect(catalog("registry.example", env)).rejects.toMatchObject({ code: "UNREACHABLE" });
    trust("registry.example", {});
    expect(await catalog("registry.example", env)).toEqual([]);
    expect(new Set(asked)).toEqual(new Set(["registry.example:443"]));
    await expect(catalog("registry.example", { ...env, NO_PROXY: "registry.example" })).rejects.toMatchObject({ code: "UNREACHABLE" });
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});
