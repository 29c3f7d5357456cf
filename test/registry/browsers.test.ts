/** What a browser does for a page of another site, with the password that it remembers: nothing is changed by it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { pushImage, startRegistry, type TestRegistry } from "./registry.ts";

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
