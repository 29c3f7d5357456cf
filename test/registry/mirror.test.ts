/** A registry read through another one, with real clients, also while the first is away. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { hashSync } from "bcryptjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { storeStorage } from "../../registry/storage.ts";
import { createRegistry } from "../../registry/server/registry.ts";
import { anonymous } from "../../registry/server/access.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { serve, type Listener } from "../../http/serve.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { openStore } from "../../store/open.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { serveHttp } from "../support/http-server.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { writeLayout } from "./image.ts";
import { blob, noise, pushBlob, pushImage, putManifest, manifestOf, startRegistry, unfinished, type TestRegistry } from "./registry.ts";

const run = promisify(execFile);
const env = { HOME: "/nowhere" };

let upstream: TestRegistry;
let mirror: TestRegistry;

beforeEach(async () => {
  upstream = await startRegistry();
  mirror = await startRegistry({ mirror: { host: upstream.host, env, freshMs: 0 } });
});

afterEach(async () => {
  await mirror[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const status = async (path: string, options?: RequestInit): Promise<number> => (await fetch(`${mirror.url}/v2/${path}`, options)).status;

test("skopeo copies through it, and once more while the other registry is away", async () => {
  using scratch = temporaryRoot();
  const [from, first, second] = ["from", "first", "second"].map((name) => join(scratch.root, name)) as [string, string, string];
  const { digest } = await writeLayout(from, ["amd64", "arm64"]);
  await run("skopeo", ["copy", "--all", "--dest-tls-verify=false", `oci:${from}:v1`, `docker://${upstream.host}/team/app:v1`]);
  const pull = async (to: string): Promise<string> => {
    mkdirSync(to);
    const digestFile = join(to, "digest");
    await run("skopeo", ["copy", "--all", "--src-tls-verify=false", "--digestfile", digestFile, `docker://${mirror.host}/team/app:v1`, `oci:${to}:v1`]);
    return readFileSync(digestFile, "utf8");
  };
  expect(await pull(first)).toBe(digest);
  await upstream[Symbol.asyncDispose]();
  expect(await pull(second)).toBe(digest);
  upstream = await startRegistry();
}, 300_000);

test("another kind of registry is read through, and what came of it is served when that was killed", async () => {
  using scratch = temporaryRoot();
  const [from, first, second] = ["from", "first", "second"].map((name) => join(scratch.root, name)) as [string, string, string];
  const { digest } = await writeLayout(from, ["amd64", "arm64"]);
  const docker = await startDockerRegistry(scratch.root);
  try {
    await using through = await startRegistry({ mirror: { host: docker.host, env, freshMs: 0 } });
    await run("skopeo", ["copy", "--all", "--dest-tls-verify=false", `oci:${from}:v1`, `docker://${docker.host}/team/app:v1`]);
    const pull = async (to: string): Promise<string> => {
      const digestFile = `${to}.digest`;
      await run("skopeo", ["copy", "--all", "--src-tls-verify=false", "--digestfile", digestFile, `docker://${through.host}/team/app:v1`, `oci:${to}:v1`]);
      return readFileSync(digestFile, "utf8");
    };
    expect(await pull(first)).toBe(digest);
    await docker[Symbol.asyncDispose]();
    expect(await pull(second)).toBe(digest);
    expect((await fetch(`${through.url}/v2/team/other/manifests/v1`)).status).toBe(502);
  } finally {
    await docker[Symbol.asyncDispose]();
  }
}, 300_000);

test("a tag that moves is followed; one that is removed is gone", async () => {
  const first = await pushImage(upstream, "app", "v1");
  const digest = async (): Promise<string | null> =>
    (await fetch(`${mirror.url}/v2/app/manifests/v1`, { method: "HEAD" })).headers.get("docker-content-digest");
  expect(await digest()).toBe(first.descriptor.digest);
  const second = await pushImage(upstream, "app", "v1", { annotations: { version: "2" } });
  expect(await digest()).toBe(second.descriptor.digest);
  await fetch(`${upstream.url}/v2/app/manifests/v1`, { method: "DELETE" });
  expect(await digest()).toBeNull();
});

test("within its time a tag is not asked for again", async () => {
  await using slow = await startRegistry({ mirror: { host: upstream.host, env, freshMs: 3_600_000 } });
  const first = await pushImage(upstream, "app", "v1");
  const digest = async (): Promise<string | null> => (await fetch(`${slow.url}/v2/app/manifests/v1`, { method: "HEAD" })).headers.get("docker-content-digest");
  expect(await digest()).toBe(first.descriptor.digest);
  await pushImage(upstream, "app", "v1", { annotations: { version: "2" } });
  expect(await digest()).toBe(first.descriptor.digest);
});

test("lists the tags that are there, and those it has while the other registry is away", async () => {
  await pushImage(upstream, "app", "v1");
  await pushImage(upstream, "app", "v2");
  await fetch(`${mirror.url}/v2/app/manifests/v1`);
  const tags = async (): Promise<unknown> => ((await (await fetch(`${mirror.url}/v2/app/tags/list`)).json()) as { tags: unknown }).tags;
  expect(await tags()).toEqual(["v1", "v2"]);
  await upstream[Symbol.asyncDispose]();
  expect(await tags()).toEqual(["v1"]);
  upstream = await startRegistry();
});

test("what neither has is not found, and what cannot be asked for is 502", async () => {
  expect([await status("app/manifests/v1"), await status(`app/blobs/sha256:${"0".repeat(64)}`)]).toEqual([404, 404]);
  await upstream[Symbol.asyncDispose]();
  expect([await status("app/manifests/v1"), await status(`app/blobs/sha256:${"0".repeat(64)}`)]).toEqual([502, 502]);
  expect(mirror.lines.filter((line) => line.startsWith("bug"))).toEqual([]);
  upstream = await startRegistry();
});

test("nothing can be pushed to it", async () => {
  expect(await status("app/blobs/uploads/", { method: "POST" })).toBe(405);
});

test("a large blob passes through whole and is kept; a reader that leaves leaves nothing half-kept", async () => {
  const large = blob(noise(24 << 20)); // more than sockets hold
  await pushBlob(upstream, "app", large);
  await putManifest(upstream, "app", "v1", manifestOf(large, []));
  const url = `${mirror.url}/v2/app/blobs/${large.descriptor.digest}`;
  const leaving = new AbortController();
  const started = await fetch(url, { signal: leaving.signal });
  await started.body?.getReader().read();
  leaving.abort();
  await expect.poll(() => unfinished(mirror.store.root)).toEqual([]);
  expect(await mirror.store.blobs.stat(large.descriptor.digest)).toBeUndefined();
  expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(large.bytes)).toBe(true);
  expect((await mirror.store.blobs.stat(large.descriptor.digest))?.size).toBe(large.bytes.length);
  await upstream[Symbol.asyncDispose]();
  expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(large.bytes)).toBe(true);
  upstream = await startRegistry();
});

/** A registry that answers with bytes that are not what was asked for. */
async function startLiar(): Promise<Listener & { readonly digest: string }> {
  const truth = blob(noise(1000));
  const lie = Buffer.alloc(1000);
  const listener = await serve({
    port: 0,
    handler: ({ path, method }) => {
      const headers = { "content-length": 1000 };
      return path.includes("/blobs/") ? { status: 200, headers, ...(method === "HEAD" ? {} : { body: lie }) } : { status: 200 };
    },
  });
  return Object.assign(listener, { digest: truth.descriptor.digest });
}

test("content with another digest than was asked for is cut off before its end, and not kept", async () => {
  await using liar = await startLiar();
  await using fooled = await startRegistry({ mirror: { host: `127.0.0.1:${liar.port}`, env } });
  const reply = await fetch(`${fooled.url}/v2/app/blobs/${liar.digest}`);
  await expect(reply.arrayBuffer()).rejects.toThrow();
  expect(await fooled.store.blobs.stat(liar.digest as never)).toBeUndefined();
});

test("content without end, of a size that nobody tells, is not taken", async () => {
  const endless = createServer((request, response) => {
    response.writeHead(200, { "transfer-encoding": "chunked" });
    if (request.method === "HEAD" || request.url === "/v2/") response.end();
    else setInterval(() => response.write("x".repeat(1000)), 1).unref();
  });
  await new Promise<void>((resolve) => endless.listen(0, "127.0.0.1", resolve));
  await using fooled = await startRegistry({ mirror: { host: `127.0.0.1:${(endless.address() as AddressInfo).port}`, env } });
  const { digest } = blob(noise(1000)).descriptor;
  expect((await fetch(`${fooled.url}/v2/app/blobs/${digest}`)).status).toBe(502);
  endless.closeAllConnections();
  endless.close();
});

test("logs in at the other registry with what its owner has kept", async () => {
  using scratch: TemporaryRoot = temporaryRoot();
  const htpasswd = join(scratch.root, "htpasswd");
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
  await using store = await openStore({ root: join(scratch.root, "store"), treeTool });
  await using locked = await startRegistry({ htpasswd });
  const auth = Buffer.from("ann:secret").toString("base64");
  mkdirSync(join(scratch.root, ".docker"));
  writeFileSync(join(scratch.root, ".docker/config.json"), JSON.stringify({ auths: { [locked.host]: { auth } } }));
  const bytes = JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] });
  const headers = { authorization: `Basic ${auth}`, "content-type": "application/vnd.oci.image.index.v1+json" };
  expect((await fetch(`${locked.url}/v2/app/manifests/v1`, { method: "PUT", headers, body: bytes })).status).toBe(201);
  const connect = async () => await openRemote(locked.host, { env: { HOME: scratch.root } });
  const handler = await createRegistry({ storage: storeStorage(store), access: anonymous, upstream: { connect, freshMs: 0 }, report: () => {} });
  await using listener = await serve({ port: 0, handler });
  expect(await (await fetch(`${listener.url}/v2/app/manifests/v1`)).text()).toBe(bytes);
});

test.each(["text/html;charset=x", "a", "application/x y", `application/${"x".repeat(200)}`, "", 7])(
  "a manifest of the media type %j there is not taken, and what was here stays",
  async (mediaType) => {
    const good = manifestOf(blob("{}", MEDIA_TYPE.config), []);
    const bad = blob(JSON.stringify({ schemaVersion: 2, mediaType, config: blob("{}", MEDIA_TYPE.config).descriptor, layers: [] }), MEDIA_TYPE.manifest);
    let serving = bad;
    await using liar = await serveHttp((request, response) => {
      const { bytes, descriptor } = serving;
      if (request.url === "/v2/") response.end("{}");
      else response.writeHead(200, { "content-type": "text/plain", "docker-content-digest": descriptor.digest, "content-length": bytes.length }).end(bytes);
    });
    await using fooled = await startRegistry({ mirror: { host: `127.0.0.1:${liar.port}`, env, freshMs: 0 }, logFormat: "none" });
    const ask = async (reference: string): Promise<readonly [number, string | null]> => {
      const reply = await fetch(`${fooled.url}/v2/app/manifests/${reference}`);
      return [reply.status, reply.headers.get("content-type")];
    };
    for (const reference of ["v1", bad.descriptor.digest]) expect(await ask(reference)).toEqual([502, "application/json"]);
    serving = good;
    expect(await ask("v1")).toEqual([200, MEDIA_TYPE.manifest]);
    serving = bad;
    expect([await ask("v1"), fooled.lines]).toEqual([[200, MEDIA_TYPE.manifest], []]);
  },
);
