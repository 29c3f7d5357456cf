/** What watches a registry: metrics, the access log, readiness, and passwords as Apache's own program writes them. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { renameSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openHtpasswd } from "../../registry/server/htpasswd.ts";
import { serveStrata } from "../support/cli.ts";
import { temporaryRoot } from "../support/root.ts";
import { startSwift } from "../support/swift.ts";
import { registryOver } from "./bucket-lab.ts";
import { blob, noise, pushBlob, startRegistry } from "./registry.ts";

interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Map<string, number>;
}

/** Every line of the exposition format, or an error. Spec: Prometheus exposition format 0.0.4. */
function parseExposition(text: string): ReadonlyMap<string, Family> {
  expect(text.endsWith("\n")).toBe(true);
  const families = new Map<string, Family>();
  let help: readonly string[] | undefined;
  for (const line of text.split("\n").slice(0, -1)) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (\S.*)$/.exec(line) ?? [];
    if (kind === "HELP") help = [name, rest];
    else if (kind === "TYPE") {
      expect([name, families.has(name)]).toEqual([help?.[0], false]);
      families.set(name, { type: rest, help: help?.[1] ?? "", samples: new Map() });
    } else {
      const [, sample = "", , labels = "", value] = /^([a-zA-Z_:][\w:]*)(\{((?:[a-zA-Z_]\w*="[^"\\\n]*",?)+)\})? (\d+(?:\.\d+)?)$/.exec(line) ?? [];
      const [own, family] = [...families].at(-1) ?? [];
      expect([line, own]).toEqual([line, family?.type === "summary" ? sample.replace(/_(?:sum|count)$/, "") : sample]);
      family?.samples.set(sample === own ? labels : sample, Number(value));
    }
  }
  return families;
}

test("metrics are whole, and count what came and went", async () => {
  await using registry = await startRegistry({ logFormat: "none" });
  const [small, large] = [blob(noise(1_000)), blob(noise(3 << 20, 2))];
  const session = (await fetch(`${registry.url}/v2/a/blobs/uploads/`, { method: "POST" })).headers.get("location");
  await fetch(registry.url + session, { method: "PATCH", body: new Uint8Array(large.bytes) });
  await fetch(`${registry.url}${session}?digest=${large.descriptor.digest}`, { method: "PUT" });
  await pushBlob(registry, "a", small);
  for (const { descriptor } of [small, large]) await (await fetch(`${registry.url}/v2/a/blobs/${descriptor.digest}`)).arrayBuffer();
  const read = async (): Promise<ReadonlyMap<string, Family>> => parseExposition(await (await fetch(`${registry.url}/metrics`)).text());
  const bytes = small.bytes.length + large.bytes.length;
  await expect.poll(async () => (await read()).get("strata_registry_requests_total")?.samples.get('method="GET",kind="blobs",status="200"')).toBe(2);
  const families = await read();
  const requests = families.get("strata_registry_requests_total");
  expect([...families].map(([name, { type, help }]) => [name, type, help.endsWith(".")])).toEqual([
    ["strata_registry_requests_total", "counter", true],
    ["strata_registry_sent_bytes_total", "counter", true],
    ["strata_registry_received_bytes_total", "counter", true],
    ["strata_registry_request_seconds", "summary", true],
    ["process_resident_memory_bytes", "gauge", true],
  ]);
  const uploads = [...(requests?.samples ?? [])].filter(([labels]) => labels.includes("uploads"));
  expect(Object.fromEntries(uploads)).toEqual({
    'method="PATCH",kind="uploads",status="202"': 1,
    'method="POST",kind="uploads",status="201"': 1,
    'method="POST",kind="uploads",status="202"': 1,
    'method="PUT",kind="uploads",status="201"': 1,
  });
  expect(families.get("strata_registry_received_bytes_total")?.samples.get("")).toBe(bytes);
  expect(families.get("strata_registry_sent_bytes_total")?.samples.get("")).toBeGreaterThanOrEqual(bytes);
  const total = [...(requests?.samples.values() ?? [])].reduce((sum, value) => sum + value, 0);
  expect(families.get("strata_registry_request_seconds")?.samples.get("strata_registry_request_seconds_count")).toBe(total);
});

/** The password file of `htpasswd -B` itself. */
function writePasswords(folder: string): string {
  const file = join(folder, "htpasswd");
  execFileSync("htpasswd", ["-cbB", "-C", "4", file, "ann", "secret"], { stdio: "ignore" });
  execFileSync("htpasswd", ["-bm", file, "bob", "secret"], { stdio: "ignore" });
  return file;
}

const login = (user: string): string => `Basic ${Buffer.from(`${user}:secret`).toString("base64")}`;

test("who has a hash of htpasswd -B gets in; who has another does not, and that is told", async () => {
  using scratch = temporaryRoot();
  await using registry = await startRegistry({ logFormat: "none", htpasswd: writePasswords(scratch.root) });
  const status = async (user: string): Promise<number> => (await fetch(`${registry.url}/v2/`, { headers: { authorization: login(user) } })).status;
  expect([await status("ann"), await status("bob")]).toEqual([200, 401]);
  expect(registry.lines).toEqual([expect.stringMatching(/^htpasswd: line 2 of .* lets nobody in/)]);
});

test("a name that is not there takes as long as a wrong password, whatever that costs in the file", async () => {
  using scratch = temporaryRoot();
  const passwords = await openHtpasswd(writePasswords(scratch.root), () => {});
  const quickest = async (user: string): Promise<number> => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 8; round++) {
      const started = performance.now();
      expect(await passwords.check(user, `wrong ${round}`)).toBe(false);
      best = Math.min(best, performance.now() - started);
    }
    return best;
  };
  const [known, unknown] = [await quickest("ann"), await quickest("nobody")];
  expect(unknown / known).toBeLessThan(5);
  expect(known / unknown).toBeLessThan(5);
});

test("of a file with several costs, names that are not there cost as different things as those that are", async () => {
  using scratch = temporaryRoot();
  const file = writePasswords(scratch.root);
  execFileSync("htpasswd", ["-bB", "-C", "9", file, "eve", "secret"], { stdio: "ignore" });
  const passwords = await openHtpasswd(file, () => {});
  const times: number[] = [];
  for (let name = 0; name < 16; name++) {
    const started = performance.now();
    expect(await passwords.check(`nobody${name}`, "secret")).toBe(false);
    times.push(performance.now() - started);
  }
  expect(Math.max(...times) / Math.min(...times)).toBeGreaterThan(5);
});

test.each(["text", "json"] as const)("the access log has a push and a pull with all of their fields, as %s", async (logFormat) => {
  using scratch = temporaryRoot();
  const htpasswd = writePasswords(scratch.root);
  await using registry = await startRegistry({ logFormat, htpasswd });
  const headers = { authorization: login("ann"), "user-agent": 'a "client"' };
  const part = blob(noise(700));
  const [push, pull] = [`/v2/a/blobs/uploads/`, `/v2/a/blobs/${part.descriptor.digest}`];
  await fetch(`${registry.url}${push}?digest=${part.descriptor.digest}`, { method: "POST", headers, body: new Uint8Array(part.bytes) });
  await (await fetch(registry.url + pull, { headers })).arrayBuffer();
  const lines = (): readonly string[] => registry.lines.filter((line) => line.includes("/v2/a/"));
  await expect.poll(() => lines().length).toBe(2);
  if (logFormat === "json") {
    const any: unknown = expect.any(Number);
    const common = { time: expect.stringMatching(/^\d{4}-.*Z$/) as string, remote: "127.0.0.1", user: "ann", ms: any, agent: 'a "client"' };
    expect(lines().map((line) => JSON.parse(line) as unknown)).toEqual([
      { ...common, method: "POST", path: push, status: 201, bytes: 0 },
      { ...common, method: "GET", path: pull, status: 200, bytes: 700 },
    ]);
  } else {
    const line = (rest: string): unknown => expect.stringMatching(new RegExp(`^\\d{4}-\\S+Z 127\\.0\\.0\\.1 ann ${rest} [\\d.]+ms "a \\\\"client\\\\""\n$`));
    expect(lines()).toEqual([line(`POST ${push} 201 0B`), line(`GET ${pull} 200 700B`)]);
  }
});

const health = async (url: string): Promise<readonly number[]> => [(await fetch(`${url}/healthz`)).status, (await fetch(`${url}/readyz`)).status];

test("it is healthy and not ready while its store is away", async () => {
  await using registry = await startRegistry({ logFormat: "none" });
  const { root } = registry.store;
  expect(await health(registry.url)).toEqual([200, 200]);
  renameSync(root, `${root}.away`);
  try {
    expect(await health(registry.url)).toEqual([200, 503]);
  } finally {
    renameSync(`${root}.away`, root);
  }
  expect(await health(registry.url)).toEqual([200, 200]);
});

test("it is healthy and not ready while its bucket is away", { timeout: 300_000 }, async () => {
  const swift = await startSwift();
  await using registry = await registryOver(swift, swift.location(), { attempts: 1 });
  expect(await health(registry.url)).toEqual([200, 200]);
  await swift[Symbol.asyncDispose]();
  expect(await health(registry.url)).toEqual([200, 503]);
});

test.each([
  ["policy", "rules: [", /policy\.yaml: Flow sequence .* column 9\n$/],
  ["policy", undefined, /policy\.yaml: there is no such file\n$/],
  ["password file", undefined, /htpasswd: there is no such file\n$/],
] as const)("it is healthy and not ready while its %s is %j, and tells only the log why", async (what, broken, why) => {
  using scratch = temporaryRoot();
  const files = { policy: join(scratch.root, "policy.yaml"), htpasswd: writePasswords(scratch.root) };
  writeFileSync(files.policy, 'rules: [{ users: [ann], repositories: ["**"], actions: [pull] }]');
  await using registry = await startRegistry({ logFormat: "none", ...files });
  const file = what === "policy" ? files.policy : files.htpasswd;
  renameSync(file, `${file}.away`);
  if (broken !== undefined) writeFileSync(file, broken);
  expect(await health(registry.url)).toEqual([200, 503]);
  expect(await (await fetch(`${registry.url}/readyz`)).text()).toBe(`not ready: the ${what} cannot be read, and the log says why\n`);
  expect(registry.lines.at(-1)).toMatch(why);
  expect((await fetch(`${registry.url}/v2/`, { headers: { authorization: login("ann") } })).status).toBe(503);
  renameSync(`${file}.away`, file);
  expect(await health(registry.url)).toEqual([200, 200]);
});

test("at the end a slow pull is served whole, and who is connected hears that it is not ready", { timeout: 300_000 }, async () => {
  using root = temporaryRoot();
  await using server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0"], /listening on (127\.0\.0\.1:(\d+))/);
  const content = blob(noise(24 << 20));
  await pushBlob({ url: `http://${server.match[1]}` }, "a", content);
  const pull = connect(Number(server.match[2]), "127.0.0.1");
  pull.write(`GET /v2/a/blobs/${content.descriptor.digest} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  await once(pull, "readable");
  const watcher = connect(Number(server.match[2]), "127.0.0.1");
  watcher.write("GET /readyz HTTP/1.1\r\nhost: localhost\r\nx-slow: "); // under way, so it stays
  await once(watcher, "connect");
  await fetch(`http://${server.match[1]}/healthz`); // what was written before is there
  server.process.kill("SIGTERM");
  await expect.poll(async () => await fetch(`http://${server.match[1]}/`).then(() => "open", () => "closed"), { timeout: 120_000 }).toBe("closed"); // prettier-ignore
  watcher.write("x\r\n\r\n");
  expect(String((await once(watcher, "data"))[0])).toMatch(/^HTTP\/1\.1 503 [^]*shutting down/);
  const chunks: Buffer[] = [];
  for await (const chunk of pull) chunks.push(chunk as Buffer);
  const whole = Buffer.concat(chunks);
  expect(whole.subarray(whole.indexOf("\r\n\r\n") + 4).equals(content.bytes)).toBe(true);
});

test("a file that lets nobody in, and users of the policy who are not in it, are told before it listens", async () => {
  using scratch = temporaryRoot();
  const [htpasswd, policy] = [join(scratch.root, "htpasswd"), join(scratch.root, "policy.yaml")];
  writeFileSync(htpasswd, "# nobody yet\n");
  writeFileSync(policy, 'rules: [{ users: [ann, "*", anonymous, bob], repositories: ["**"], actions: [pull] }]');
  const args = ["registry", "serve", "--listen", "127.0.0.1:0", "--htpasswd", htpasswd, "--policy", policy];
  await using server = await serveStrata(scratch, args, /^(?:htpasswd|policy|listening).*$/);
  expect(server.match[0]).toBe(`htpasswd: nobody can log in: ${htpasswd} has no user; htpasswd -B ${htpasswd} NAME adds one`);
  await using registry = await startRegistry({ htpasswd, policy });
  expect(registry.lines[1]).toBe(`policy: ${policy} names users that ${htpasswd} does not have, who cannot log in: ann, bob\n`);
});
