/** Three replicas behind one address: one is lost, a new version rolls out and back, and no request fails. */
import { strict as assert } from "node:assert";
import { createServer, type AddressInfo } from "node:net";
import { patiently } from "./containers.ts";
import { build } from "./images.ts";
import { step } from "./narrate.ts";
import { fetchText, poll, type Tally } from "./poller.ts";
import { serve, strata } from "./shell.ts";

export async function replicas(): Promise<void> {
  await step(
    "strata up: the Kubernetes API on this machine",
    async () => await serve(["up", "--listen", "127.0.0.1:0"], /ready/i),
    () => "",
  );
  const port = await freePort();
  await step(
    `strata deploy hello:v1 --replicas 3 --port ${port}:8080`,
    async () => await strata("deploy", "hello:v1", "--name", "hello", "--replicas", "3", "--port", `${port}:8080`),
    (text) => text,
  );
  await step(
    "strata get pods",
    async () => await strata("get", "pods"),
    (text) => text,
  );
  const client = poll(`http://127.0.0.1:${port}/`);
  await step("one replica deleted: another takes its place", replaceOne, (text) => text);
  await step(
    "strata build -t hello:v2",
    async () => await build("v2"),
    () => "",
  );
  await step(
    "strata deploy hello:v2: a rolling update",
    async () => await strata("deploy", "hello:v2", "--name", "hello", "--replicas", "3", "--port", `${port}:8080`),
    (text) => text,
  );
  assert.match(await fetchText(`http://127.0.0.1:${port}/`), /v2/);
  await step("strata rollout undo deployment/hello", undo, (text) => text);
  assert.match(await fetchText(`http://127.0.0.1:${port}/`), /v1/);
  await step("the client that polled throughout", async () => await client.stop(), describe);
  await step(
    "strata down",
    async () => await strata("down"),
    () => "",
  );
}

async function replaceOne(): Promise<string> {
  const before = await podNames();
  await strata("delete", "pod", before[0] ?? "");
  return await patiently(async () => {
    const after = await strata("get", "pods");
    const ready = after.split("\n").filter((line) => /\b1\/1\s+Running\b/.test(line));
    assert.equal(ready.length, 3, after);
    assert.ok(!after.includes(before[0] ?? "?"));
    return after;
  });
}

async function undo(): Promise<string> {
  await strata("rollout", "undo", "deployment/hello");
  return await strata("rollout", "status", "deployment/hello");
}

async function podNames(): Promise<readonly string[]> {
  const text = await strata("get", "pods", "-o", "name");
  return text.split("\n").map((line) => line.replace(/^pods?\//, ""));
}

function describe(tally: Tally): string {
  assert.deepEqual(tally.failures, [], "no request may fail");
  return `${tally.answered} requests answered, ${tally.failures.length} failed`;
}

async function freePort(): Promise<number> {
  return await new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
