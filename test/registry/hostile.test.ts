/** Servers that cut, lie, stall and redirect: a pull ends whole or leaves nothing, and credentials stay at home. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pull } from "../../registry/client/pull.ts";
import { openRemote, type RemoteOptions } from "../../registry/client/remote.ts";
import { listCatalog, openRepository } from "../../registry/client/repository.ts";
import { openStore } from "../../store/open.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { blob, manifestOf, noise, unfinished } from "./registry.ts";

const layer = blob(noise(600_000));
const config = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [layer.descriptor.digest] } }), MEDIA_TYPE.config);
const manifest = manifestOf(config, [layer]);
const retry = { attempts: 4, firstMs: 5, longestMs: 100 };

let scratch: TemporaryRoot;
let store: Store;
const servers: Server[] = [];

beforeEach(async () => {
  scratch = temporaryRoot();
  store = await openStore({ root: scratch.root, treeTool });
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await store[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A registry of that one image; `serveLayer` is where a row misbehaves. */
function registryOf(serveLayer: (request: IncomingMessage, response: ServerResponse) => void): RequestListener {
  return (request, response) => {
    const path = request.url ?? "";
    if (path === "/v2/") response.end("{}");
    else if (path.includes("/manifests/")) response.writeHead(200, { "content-type": MEDIA_TYPE.manifest }).end(manifest.bytes);
    else if (path.endsWith(config.descriptor.digest)) response.end(config.bytes);
    else serveLayer(request, response);
  };
}

async function pullFrom(host: string, options: Partial<RemoteOptions> = {}): Promise<void> {
  await using remote = await openRemote(host, { env: { HOME: scratch.root }, retry, ...options });
  const repository = openRepository(remote, "app");
  await pull(repository, store, await repository.read("v1"), { unpack: false });
}

async function isStored(digest = layer.descriptor.digest): Promise<boolean> {
  return (await store.blobs.stat(digest)) !== undefined;
}

const bad: readonly { readonly name: string; readonly serve: (request: IncomingMessage, response: ServerResponse) => void; readonly code: string }[] = [
  { name: "ends early every time, with nothing new", serve: (request, response) => sendPart(request, response, 0), code: "UNREACHABLE" },
  { name: "sends other bytes of the right length", serve: (_request, response) => response.end(noise(600_000, 9)), code: "DIGEST_MISMATCH" },
  { name: "announces another length", serve: (_request, response) => response.writeHead(200, { "content-length": 7 }).end("seven77"), code: "SIZE_INVALID" },
  { name: "never ends", serve: (_request, response) => endless(response), code: "SIZE_INVALID" },
  { name: "does not have it", serve: (_request, response) => response.writeHead(404).end(), code: "BLOB_UNKNOWN" },
  { name: "fails for good", serve: (_request, response) => response.writeHead(503).end(), code: "UNKNOWN" },
  { name: "redirects in circles", serve: (request, response) => response.writeHead(307, { location: request.url }).end(), code: "PROTOCOL" },
];

test.each(bad)("a server that $name: refused, and nothing is left half-stored", async ({ serve, code }) => {
  const host = await listen(registryOf(serve));
  await expect(pullFrom(host)).rejects.toMatchObject({ code });
  expect(await isStored()).toBe(false);
  expect(await isStored(manifest.descriptor.digest)).toBe(false);
  expect(unfinished(scratch.root)).toEqual([]);
});

test("a download that is cut goes on where it was", async () => {
  const ranges: (string | undefined)[] = [];
  const host = await listen(
    registryOf((request, response) => {
      ranges.push(request.headers.range);
      sendPart(request, response, 200_000);
    }),
  );
  await pullFrom(host);
  expect(await isStored()).toBe(true);
  expect(ranges[0]).toBeUndefined();
  expect(ranges.length).toBeGreaterThanOrEqual(3);
  expect(ranges.slice(1).every((range) => /^bytes=\d+-$/.test(range ?? ""))).toBe(true);
});

test("a server without ranges starts over, and the bytes are right", async () => {
  let calls = 0;
  const host = await listen(
    registryOf((_request, response) => {
      calls += 1;
      response.writeHead(200, { "content-length": layer.bytes.length });
      if (calls > 1) response.end(layer.bytes);
      else response.write(layer.bytes.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
    }),
  );
  await pullFrom(host);
  expect([calls, await isStored()]).toEqual([2, true]);
});

test("429 and 503 are tried again after the time they ask for", async () => {
  const times: number[] = [];
  const host = await listen(
    registryOf((_request, response) => {
      times.push(performance.now());
      if (times.length === 1) response.writeHead(429, { "retry-after": "1" }).end();
      else if (times.length === 2) response.writeHead(503).end();
      else response.end(layer.bytes);
    }),
  );
  await pullFrom(host, { retry: { ...retry, longestMs: 2_000 } });
  expect(times).toHaveLength(3);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(950);
});

test.each([
  { name: "token", field: "token" },
  { name: "access_token", field: "access_token" },
])("a bearer token is fetched with the password, as $name, and is not sent along a redirect", async ({ field }) => {
  const login = { kind: "password" as const, username: "ann", password: "secret" };
  const seen: { asked: string; basic: string | undefined; elsewhere: string | undefined } = { asked: "", basic: undefined, elsewhere: "not called" };
  const elsewhere = await listen((request, response) => {
    seen.elsewhere = request.headers.authorization;
    response.end(layer.bytes);
  });
  const tokens = await listen((request, response) => {
    seen.asked = request.url ?? "";
    seen.basic = request.headers.authorization;
    response.end(JSON.stringify({ [field]: "let-me-in", expires_in: 300 }));
  });
  const guarded = registryOf((_request, response) => response.writeHead(307, { location: `http://${elsewhere}/layer` }).end());
  const host = await listen((request, response) => {
    if (request.headers.authorization === "Bearer let-me-in") guarded(request, response);
    else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${tokens}/issue",service="reg",scope="repository:app:pull"` }).end();
  });
  await pullFrom(host, { login });
  expect(await isStored()).toBe(true);
  expect(Object.fromEntries(new URL(seen.asked, "http://x").searchParams)).toEqual({ service: "reg", scope: "repository:app:pull", account: "ann" });
  expect(seen.basic).toBe(`Basic ${Buffer.from("ann:secret").toString("base64")}`);
  expect(seen.elsewhere).toBeUndefined();
});

test("a refresh token is posted", async () => {
  const forms: string[] = [];
  const tokens = await listen((request, response) => {
    request.on("data", (chunk) => forms.push(String(chunk)));
    request.on("end", () => response.end(JSON.stringify({ access_token: "t" })));
  });
  const open = registryOf((_request, response) => response.end(layer.bytes));
  const host = await listen((request, response) => {
    if (request.headers.authorization === "Bearer t") open(request, response);
    else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${tokens}/issue",service="reg"` }).end();
  });
  await pullFrom(host, { login: { kind: "identity", token: "refresh-me" } });
  expect(Object.fromEntries(new URLSearchParams(forms[0]))).toMatchObject({
    grant_type: "refresh_token",
    refresh_token: "refresh-me",
    scope: "repository:app:pull",
  });
});

test("a manifest whose bytes are not what its digest says is refused", async () => {
  const host = await listen(registryOf((_request, response) => response.end(layer.bytes)));
  await using remote = await openRemote(host, { env: { HOME: scratch.root }, retry });
  await expect(openRepository(remote, "app").read(layer.descriptor.digest)).rejects.toMatchObject({ code: "DIGEST_INVALID" });
});

/** Sends at most `most` bytes of the layer, from where the range begins, then cuts. */
function sendPart(request: IncomingMessage, response: ServerResponse, most: number): void {
  const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const rest = layer.bytes.subarray(start);
  response.writeHead(start === 0 ? 200 : 206, {
    "content-length": rest.length,
    "content-range": `bytes ${start}-${layer.bytes.length - 1}/${layer.bytes.length}`,
  });
  if (rest.length <= most) response.end(rest);
  else response.write(rest.subarray(0, Math.max(most, 1)), () => setTimeout(() => response.destroy(), 50));
}

function endless(response: ServerResponse): void {
  const more = (): void => {
    while (!response.destroyed && response.write(layer.bytes.subarray(0, 65_536)));
  };
  response.on("drain", more);
  more();
}

test("who is redirected to does not learn the password, whatever challenge it answers with", async () => {
  const heard: (string | undefined)[] = [];
  const thief = await listen((request, response) => {
    heard.push(request.headers.authorization);
    const realm = `http://${request.headers.host}/token`;
    if (request.url?.startsWith("/token") === true) response.end('{"token":"t"}');
    else response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="x"` }).end();
  });
  const host = await listen(registryOf((_request, response) => void response.writeHead(307, { location: `http://${thief}/blob` }).end()));
  const says = { code: "UNAUTHORIZED", message: `Cannot use http://${host}: ${thief}, where it leads, answered 401`, hint: undefined };
  await expect(pullFrom(host, { login: { kind: "password", username: "ann", password: "secret" } })).rejects.toMatchObject(says);
  expect(heard.every((authorization) => authorization === undefined)).toBe(true);
});

const elsewhere = ["http://[", "file:///etc/passwd", "javascript:1"];
test.each(elsewhere)("a redirect to %s is refused in words", async (location) => {
  const host = await listen(registryOf((_request, response) => void response.writeHead(307, { location }).end()));
  await expect(pullFrom(host)).rejects.toMatchObject({ code: "PROTOCOL" });
});

test.each(["null", "{", '{"tags":5}', '{"tags":[5]}'])("a list of tags that is %s is read as empty or refused in words", async (body) => {
  const host = await listen((request, response) => void response.end(request.url === "/v2/" ? "{}" : body));
  await using remote = await openRemote(host, { env: { HOME: scratch.root }, retry });
  const tags = openRepository(remote, "app").tags();
  if (body === "null") expect(await tags).toEqual([]);
  else await expect(tags).rejects.toMatchObject({ code: "PROTOCOL" });
});

test.each([
  { field: "tags", words: ["v1", "\u001b]0;title\u0007"], says: String.raw`"\u001b]0;title\u0007" in it is no tag` },
  { field: "tags", words: ["v1\nv2"], says: String.raw`"v1\nv2" in it is no tag` },
  { field: "tags", words: ["v1\u009b31m", "v2"], says: String.raw`"v1\u009b31m" in it is no tag` },
  { field: "tags", words: ["x".repeat(129)], says: `"${"x".repeat(100)}…" in it is no tag` },
  { field: "repositories", words: ["team/app", "\u001b[2J"], says: String.raw`"\u001b[2J" in it is no repository name` },
  { field: "repositories", words: ["team\n"], says: String.raw`"team\n" in it is no repository name` },
])("a list of $field that holds what is none is refused: $says", async ({ field, words, says }) => {
  const host = await listen((request, response) => void response.end(request.url === "/v2/" ? "{}" : JSON.stringify({ [field]: words })));
  await using remote = await openRemote(host, { env: { HOME: scratch.root }, retry });
  const listing = field === "tags" ? openRepository(remote, "app").tags() : listCatalog(remote);
  await expect(listing).rejects.toMatchObject({ code: "PROTOCOL", message: `Cannot read the list of ${field} of ${host}: ${says}` });
});
