/** The registry over a bucket: its care, its quotas, and a service that fails. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serve as listen } from "../../http/serve.ts";
import { anonymous } from "../../registry/server/access.ts";
import { createRegistry } from "../../registry/server/registry.ts";
import type { BucketStorage } from "../../registry/s3/open.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot } from "../support/root.ts";
import { startSwift, type Swift } from "../support/swift.ts";
import { isHere, keysOf, openBucket, registryOver } from "./bucket-lab.ts";
import { faultyProxy } from "./faulty-proxy.ts";
import { blob, noise, pushBlob, pushImage } from "./registry.ts";

let swift: Swift;
beforeAll(async () => void (swift = await startSwift()));
afterAll(async () => await swift[Symbol.asyncDispose]());

test("the verbs: gc spares what is young or linked, check finds what is gone and what is damaged", { timeout: 300_000 }, async () => {
  using plain = temporaryRoot();
  const root = { ...plain, env: { ...plain.env, ...swift.env } };
  const location = swift.location();
  await using registry = await registryOver(swift, location);
  const { storage } = registry;
  const { descriptor } = await pushImage(registry, "team/app", "v1");
  const loose = blob(noise(1_000, 9));
  await pushBlob(registry, "team/app", loose);
  expect((await runStrata(root, ["registry", "gc", "--storage", location])).stdout).toBe("");
  await new Promise((resolve) => void setTimeout(resolve, 3_100)); // the service tells time in whole seconds, and not at the moment of the write
  const gone = await runStrata(root, ["registry", "gc", "--storage", location, "--grace", "1"]);
  expect(gone.stdout.trim().split("\n")).toEqual([`blob team/app@${loose.descriptor.digest}`, `content ${loose.descriptor.digest}`]);
  const whole = await runStrata(root, ["registry", "check", "--deep", "--storage", location]);
  expect([whole.status, whole.stderr]).toEqual([0, `Everything is whole in ${location}\n`]);
  const [config = "", layer = ""] = (await keysOf(storage, "blobs/")).filter((key) => !key.endsWith(descriptor.digest.slice(7)));
  await storage.bucket.remove(config);
  await storage.bucket.put(layer, noise((await storage.bucket.stat(layer))?.size ?? 0, 33));
  const damaged = await runStrata(root, ["registry", "check", "--deep", "--storage", location]);
  expect(damaged.status).toBe(1);
  expect(damaged.stdout).toContain("missing");
  expect(damaged.stdout).toContain("wrong content");
});

test("gc tells beforehand what it frees in the bucket, and removes uploads that were left", { timeout: 300_000 }, async () => {
  using plain = temporaryRoot();
  const root = { ...plain, env: { ...plain.env, ...swift.env } };
  const location = swift.location();
  await using registry = await registryOver(swift, location);
  await pushBlob(registry, "app", blob(noise(2_000, 5)));
  const session = registry.url + (await fetch(`${registry.url}/v2/app/blobs/uploads/`, { method: "POST" })).headers.get("location");
  await fetch(session, { method: "PATCH", body: new Uint8Array(noise(3_000)) });
  await sleep(3_100);
  const flags = ["--storage", location, "--grace", "1"];
  const gc = async (...more: readonly string[]): Promise<string> => (await runStrata(root, ["registry", "gc", ...flags, ...more])).stderr;
  const left = "1 unfinished upload holds 3kB: --upload-timeout SECONDS removes those that nobody went on with for so long\n";
  expect(await gc("--dry-run")).toBe(`Would let go of 2kB in the repositories, and free 2kB in the bucket\n${left}`);
  expect(await gc("--upload-timeout", "1")).toBe(`Let go of 2kB in the repositories, freed 2kB in the bucket\n${left}`); // somebody may work on it
  expect((await fetch(session)).status).toBe(204);
  await using patient = await openBucket(swift, location, { quietMs: 600_000 });
  await using quick = await openBucket(swift, location, { quietMs: 1_000 });
  expect(await patient.ingests.expire(Date.now(), () => false)).toEqual([]);
  expect(await quick.ingests.expire(Date.now(), () => false)).toMatchObject([{ size: 3_000 }]);
  expect([(await fetch(session)).status, await keysOf(registry.storage, "uploads/")]).toEqual([404, []]);
});

test("a quota counts what is in the bucket, and what another server put there", async () => {
  const location = swift.location();
  await using storage = await openBucket(swift, location);
  await using other = await openBucket(swift, location);
  const quotaOf = async (): Promise<number> => await Promise.resolve(2_500);
  const start = async (over: BucketStorage) =>
    await listen({ port: 0, handler: await createRegistry({ storage: over, access: anonymous, quotaOf, report: () => {} }) });
  await using one = await start(storage);
  await using two = await start(other);
  expect((await pushBlob(one, "x", blob(noise(1_000, 1)))).status).toBe(201);
  expect((await pushBlob(two, "x", blob(noise(1_000, 2)))).status).toBe(201);
  expect((await pushBlob(one, "x", blob(noise(1_000, 3)))).status).toBe(403);
  expect((await pushBlob(one, "x", blob(noise(1_000, 2)))).status).toBe(201);
  const chunk = async (size: number): Promise<number> => {
    const session = (await fetch(`${one.url}/v2/x/blobs/uploads/`, { method: "POST" })).headers.get("location") ?? "";
    return (await fetch(one.url + session, { method: "PATCH", body: new Uint8Array(noise(size, 4)) })).status;
  };
  expect([await chunk(600), await chunk(400), await chunk(400)]).toEqual([403, 202, 403]);
  expect((await keysOf(storage, "blobs/")).length).toBe(2);
});

test("a service that fails for a moment is asked again, and a download that breaks goes on where it was", { timeout: 300_000 }, async () => {
  await using proxy = await faultyProxy(swift.port);
  await using registry = await registryOver(swift, swift.location(proxy.port));
  const content = blob(noise(3 << 20, 4));
  proxy.fail(2, 503);
  expect((await pushBlob(registry, "x", content)).status).toBe(201);
  proxy.cutAfter(1 << 20);
  await isHere(registry.url, "x", content);
  expect(proxy.cuts).toBeGreaterThan(1);
  expect(registry.lines).toEqual([]);
});

test("of many requests at once few ask the service, but all that read content", { timeout: 300_000 }, async () => {
  await using proxy = await faultyProxy(swift.port);
  await using registry = await registryOver(swift, swift.location(proxy.port), { idleMs: 200_000 });
  const content = blob(noise(1 << 20, 6));
  expect((await pushBlob(registry, "x", content)).status).toBe(201);
  const url = `${registry.url}/v2/x/blobs/${content.descriptor.digest}`;
  proxy.holdBodies();
  const reading = await Promise.all(Array.from({ length: 50 }, async () => await fetch(url)));
  await expect.poll(() => proxy.most).toBeGreaterThanOrEqual(50); // headers are sent before the service is asked
  const before = proxy.most;
  const heads = await Promise.all(Array.from({ length: 200 }, async () => await fetch(url, { method: "HEAD" })));
  expect(heads.map(({ status }) => status)).toEqual(Array(200).fill(200));
  expect(proxy.most).toBeLessThanOrEqual(before + 32);
  await Promise.all(reading.map(async ({ body }) => await body?.cancel()));
  expect(registry.lines).toEqual([]);
});

test("a service that is away, stalls or refuses is a clear 503, and nothing is half-stored", { timeout: 300_000 }, async () => {
  await using proxy = await faultyProxy(swift.port);
  const location = swift.location(proxy.port);
  await using registry = await registryOver(swift, location, { attempts: 2, idleMs: 1_500 });
  const content = blob(noise(100_000, 5));
  for (const [break_, says] of [
    [() => proxy.fail(100, 500), "it answered 500"],
    [() => proxy.fail(100, 403), "AccessDenied"],
    [() => proxy.stall(), "Timeout"],
  ] as const) {
    break_();
    const reply = await pushBlob(registry, "x", content);
    expect([reply.status, await reply.text()]).toEqual([503, expect.stringContaining(says)]);
    proxy.heal();
    expect((await fetch(`${registry.url}/v2/x/blobs/${content.descriptor.digest}`)).status).toBe(404);
  }
  expect(registry.lines.every((line) => line.startsWith("storage: Cannot "))).toBe(true);
  expect((await pushBlob(registry, "x", content)).status).toBe(201);
});

test.each([
  { name: "a bucket that is not there", location: () => swift.location().replace("//registry/", "//elsewhere/"), env: {}, says: "NoSuchBucket" },
  { name: "a wrong secret", location: () => swift.location(), env: { AWS_SECRET_ACCESS_KEY: "wrong" }, says: "SignatureDoesNotMatch" },
  { name: "no keys", location: () => swift.location(), env: { AWS_ACCESS_KEY_ID: undefined }, says: "Set AWS_ACCESS_KEY_ID" },
  { name: "no bucket in it", location: () => "s3:///x", env: {}, says: "names no bucket" },
])("registry serve ends with what is wrong: $name", async ({ location, env, says }) => {
  using root = temporaryRoot();
  const outcome = await runStrata({ ...root, env: { ...root.env, ...swift.env, ...env } }, [
    "registry",
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--storage",
    location(),
  ]);
  expect([outcome.status, outcome.stderr]).toEqual([1, expect.stringContaining(says)]);
});
