/** What a browser does for a page of another site, with the password that it remembers: nothing is changed by it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { blob, manifestOf, pushBlob, pushImage, putManifest, startRegistry, type TestRegistry } from "./registry.ts";

let root: TemporaryRoot;
let registry: TestRegistry;
beforeAll(async () => {
  root = temporaryRoot();
  const htpasswd = join(root.root, "htpasswd");
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
  registry = await startRegistry({ htpasswd, logFormat: "none" });
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

const authorization = `Basic ${Buffer.from("ann:secret").toString("base64")}`;
const evil = "https://evil.test";
const rows: readonly { readonly name: string; readonly headers: () => Record<string, string>; readonly status: number }[] = [
  { name: "another site", headers: () => ({ "sec-fetch-site": "cross-site", origin: evil }), status: 403 },
  { name: "another host of the same site", headers: () => ({ "sec-fetch-site": "same-site" }), status: 403 },
  { name: "its own page", headers: () => ({ "sec-fetch-site": "same-origin", origin: registry.url }), status: 202 },
  { name: "the user at the address bar", headers: () => ({ "sec-fetch-site": "none" }), status: 202 },
  { name: "another site, in an old browser", headers: () => ({ origin: evil }), status: 403 },
  { name: "a frame that hides where it is from", headers: () => ({ origin: "null" }), status: 403 },
  { name: "its own page, in an old browser", headers: () => ({ origin: registry.url }), status: 202 },
  { name: "its own page behind a proxy that ends TLS", headers: () => ({ origin: `https://${registry.host}` }), status: 202 },
  { name: "what is no browser", headers: () => ({}), status: 202 },
];

/** undici's fetch sets such headers itself: a socket's are ours. */
async function post(headers: Record<string, string>): Promise<number> {
  const { request } = await import("undici");
  const reply = await request(`${registry.url}/v2/x/blobs/uploads/`, { method: "POST", headers: { authorization, ...headers } });
  await reply.body.dump();
  return reply.statusCode;
}

test.each(rows)("a change asked for by $name is $status", async ({ headers, status }) => expect(await post(headers())).toBe(status));

test("reading from another site's page is as it was: no page sees the answer", async () => {
  await using open = await startRegistry({ logFormat: "none" });
  await pushImage(open, "x", "v1");
  const { request } = await import("undici");
  const reply = await request(`${open.url}/v2/x/manifests/v1`, { headers: { "sec-fetch-site": "cross-site", origin: evil } });
  await reply.body.dump();
  expect([reply.statusCode, reply.headers["access-control-allow-origin"]]).toEqual([200, undefined]);
  const removed = await request(`${open.url}/v2/x/manifests/v1`, { method: "DELETE", headers: { "sec-fetch-site": "cross-site" } });
  expect([removed.statusCode, ((await removed.body.json()) as { errors: readonly { code: string }[] }).errors[0]?.code]).toEqual([403, "DENIED"]);
});

test("a manifest that was pushed as a web page is none in a browser", async () => {
  await using open = await startRegistry({ logFormat: "none" });
  const config = blob("{}");
  await pushBlob(open, "x", config);
  const { descriptor } = config;
  const page = blob(JSON.stringify({ schemaVersion: 2, config: descriptor, layers: [], annotations: { a: "<script>alert(1)</script>" } }), "text/html");
  expect((await putManifest(open, "x", "v1", page)).status).toBe(201);
  const reply = await fetch(`${open.url}/v2/x/manifests/v1`);
  expect([reply.headers.get("content-type"), reply.headers.get("content-security-policy")]).toEqual(["text/html", "default-src 'none'; sandbox"]);
  expect((await fetch(`${open.url}/ui/x:v1`)).headers.get("content-security-policy")).not.toContain("sandbox");
});

test.each([
  { name: "two lines", mediaType: "application/x\r\nset-cookie: a=b" },
  { name: "another alphabet", mediaType: "application/\u00e4" },
  { name: "no subtype", mediaType: "application" },
  { name: "more than 127 characters", mediaType: `application/${"x".repeat(128)}` },
])("a media type of $name would break every reply: it is refused", async ({ mediaType }) => {
  await using open = await startRegistry({ logFormat: "none" });
  const config = blob("{}");
  await pushBlob(open, "x", config);
  const reply = await fetch(`${open.url}/v2/x/manifests/v1`, {
    method: "PUT",
    headers: { "content-type": "" },
    body: manifestOf(config, [], { mediaType }).bytes.toString(),
  });
  expect([reply.status, await reply.text()]).toEqual([400, expect.stringContaining("is no media type")]);
  expect((await fetch(`${open.url}/v2/x/manifests/v1`)).status).toBe(404);
});
