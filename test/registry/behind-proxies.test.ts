/** Behind proxies that are trusted: limits, logs and challenges are about the client, and nobody can say that it is another. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseNetwork } from "../../http/peers.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { pushImage, startRegistry } from "./registry.ts";

const trustedProxies = { networks: [parseNetwork("127.0.0.0/8")!], header: "x-forwarded-for" } as const;
let root: TemporaryRoot;
beforeEach(() => void (root = temporaryRoot()));
afterEach(() => root[Symbol.dispose]());

async function ask(url: string, forwardedFor: string, more: RequestInit = {}): Promise<number> {
  const reply = await fetch(url, { ...more, headers: { "x-forwarded-for": forwardedFor } });
  await reply.arrayBuffer();
  return reply.status;
}

test("each client has a rate of its own, whatever it writes into the header", async () => {
  await using registry = await startRegistry({ trustedProxies, rateLimit: { count: 3, periodMs: 3_600_000 }, logFormat: "none" });
  const statuses: number[] = [];
  for (let n = 0; n < 4; n++) statuses.push(await ask(`${registry.url}/v2/`, `10.9.9.${n}, 203.0.113.5`));
  expect(statuses).toEqual([200, 200, 200, 429]);
  expect(await ask(`${registry.url}/v2/`, "203.0.113.6")).toBe(200);
});

test("without trust the header is nothing", async () => {
  await using registry = await startRegistry({ rateLimit: { count: 3, periodMs: 3_600_000 }, logFormat: "json" });
  const statuses: number[] = [];
  for (let n = 0; n < 4; n++) statuses.push(await ask(`${registry.url}/v2/`, `203.0.113.${n}`));
  expect(statuses).toEqual([200, 200, 200, 429]);
  expect(new Set(registry.lines.map((line) => (JSON.parse(line) as { remote: string }).remote))).toEqual(new Set(["127.0.0.1"]));
});

test("the access log and the audit log name the client", async () => {
  const auditLog = join(root.root, "audit");
  await using registry = await startRegistry({ trustedProxies, auditLog, logFormat: "json" });
  await pushImage(registry, "x", "v1");
  expect(await ask(`${registry.url}/v2/x/manifests/v1`, "2001:db8::7", { method: "DELETE" })).toBe(202);
  await expect.poll(() => readFileSync(auditLog, "utf8")).toContain('"remote":"2001:db8::7"');
  await expect.poll(() => (JSON.parse(registry.lines.at(-1) ?? "{}") as { remote: string }).remote).toBe("2001:db8::7");
});

test("clients get their tokens over TLS where the proxy ends it", async () => {
  const [htpasswd, policy] = [join(root.root, "htpasswd"), join(root.root, "policy")];
  writeFileSync(htpasswd, `ann:${hashSync("secret", 4)}\n`);
  writeFileSync(policy, "rules: []\n");
  await using registry = await startRegistry({ trustedProxies, htpasswd, policy, logFormat: "none" });
  const challenge = async (headers: Record<string, string>): Promise<string | null> =>
    (await fetch(`${registry.url}/v2/`, { headers })).headers.get("www-authenticate");
  expect(await challenge({ "x-forwarded-proto": "https" })).toContain(`realm="https://${registry.host}/`);
  expect(await challenge({})).toContain(`realm="http://${registry.host}/`);
});

test("what is no network is refused before anything listens", async () => {
  const outcome = await runStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--trusted-proxy", "proxy.test"]);
  expect(outcome).toMatchObject({ status: 2, stderr: expect.stringContaining('Cannot trust "proxy.test"') });
});
