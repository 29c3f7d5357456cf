/** Uploads that are begun and left, ten thousand at a time: sessions, and bodies. Nobody else notices, and nothing of them stays. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serveStrata, type Server } from "../support/cli.ts";
import { peakMiB } from "../support/memory.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { startSwift } from "../support/swift.ts";
import { keysOf, openBucket } from "./bucket-lab.ts";
import { beginMany, flood } from "./flood.ts";
import { blob, noise, pushImage, unfinished } from "./registry.ts";

const MANY = 10_000;
/** Over a bucket; the service of the tests takes eight minutes for 10,000 (`npm run flood`). */
const MANY_IN_BUCKET = Number(process.env["STRATA_FLOOD"] ?? 300);
const MAX_RSS_MIB = 150;
/** As many connections as it takes, while others push: what is garbage of these counts. */
const MAX_BUSY_RSS_MIB = 320;
const POLL = { timeout: 120_000, interval: 200 };
const PATIENTLY = { timeout: 60_000 + MANY_IN_BUCKET * 120, interval: 500 };
const SHORT = ["--client-timeout", "5", "--upload-timeout", "5"];

let root: TemporaryRoot;
beforeEach(() => void (root = temporaryRoot()));
afterEach(() => root[Symbol.dispose]());

async function serve(more: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const args = ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none", ...more];
  return await serveStrata({ ...root, env: { ...root.env, ...env } }, args, /listening on (127\.0\.0\.1:(\d+))/);
}

function urlOf({ match }: Server): string {
  return `http://${match[1]}`;
}

test("10,000 sessions that nobody goes on with take nearly nothing, outlive the server, and are swept", { timeout: 300_000 }, async () => {
  const content = blob(noise(100_000));
  let sessions: readonly string[];
  {
    await using server = await serve();
    sessions = await beginMany(urlOf(server), MANY);
    await pushImage({ url: urlOf(server) }, "honest", "v1");
    expect(peakMiB(server)).toBeLessThan(MAX_RSS_MIB);
  }
  expect(new Set(sessions).size).toBe(MANY);
  const kept = unfinished(root.root);
  expect([kept.length, kept.reduce((sum, name) => sum + statSync(join(root.root, "ingest", name)).blocks, 0)]).toEqual([MANY, 0]);
  await using again = await serve(["--upload-timeout", "4"]);
  const url = urlOf(again);
  const [session] = sessions;
  expect(await (await fetch(`${url}/v2/_catalog`)).text()).toBe('{"repositories":["honest"]}');
  expect((await fetch(`${url}${session}?digest=${content.descriptor.digest}`, { method: "PUT", body: new Uint8Array(content.bytes) })).status).toBe(201);
  await expect.poll(() => unfinished(root.root), POLL).toEqual([]);
  expect((await fetch(`${url}${sessions.at(-1)}`)).status).toBe(404);
  expect((await fetch(`${url}/v2/honest/manifests/v1`)).status).toBe(200);
});

test("10,000 half-sent bodies are cut off, and whoever pushes and pulls meanwhile is served", { timeout: 300_000 }, async () => {
  await using server = await serve(SHORT);
  expect(await flood({ url: urlOf(server), count: MANY, timeout: POLL.timeout })).toBeGreaterThan(0);
  await expect.poll(() => unfinished(root.root), POLL).toEqual([]);
  expect(peakMiB(server)).toBeLessThan(MAX_BUSY_RSS_MIB);
  await server[Symbol.asyncDispose]();
  expect(server.process.signalCode).toBeNull(); // it ended when it was asked to
});

test(`${MANY_IN_BUCKET} of them over a bucket likewise`, { timeout: 3 * PATIENTLY.timeout }, async () => {
  await using swift = await startSwift();
  const location = swift.location();
  await using storage = await openBucket(swift, location, { quietMs: 0 });
  await using server = await serve([...SHORT, "--storage", location], swift.env);
  expect(await flood({ url: urlOf(server), count: MANY_IN_BUCKET, timeout: PATIENTLY.timeout })).toBeGreaterThan(0);
  const left = async (): Promise<readonly string[]> => {
    await storage.ingests.expire(Date.now() + 1_000, () => false); // as servers do ten minutes later; what came is still put down
    return await keysOf(storage, "uploads/");
  };
  await expect.poll(left, PATIENTLY).toEqual([]);
  expect(peakMiB(server)).toBeLessThan(MAX_BUSY_RSS_MIB);
});
