/** The registry over a bucket: several servers on it, servers that are killed, a collection beside pushes. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collect } from "../../registry/server/collect.ts";
import { openRepositories } from "../../registry/server/repositories.ts";
import { sweep } from "../../registry/s3/sweep.ts";
import { serveStrata, type Server } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { startSwift, type Swift } from "../support/swift.ts";
import { isHere, keysOf, openBucket, registryOver } from "./bucket-lab.ts";
import { writeLayout } from "./image.ts";
import { blob, manifestOf, noise, pushBlob, putManifest } from "./registry.ts";

const run = promisify(execFile);
const READY = /listening on (127\.0\.0\.1:(\d+))/;
let swift: Swift;
beforeAll(async () => void (swift = await startSwift()));
afterAll(async () => await swift[Symbol.asyncDispose]());

async function serve(root: TemporaryRoot, location: string): Promise<Server> {
  return await serveStrata({ ...root, env: { ...root.env, ...swift.env } }, ["registry", "serve", "--listen", "127.0.0.1:0", "--storage", location], READY);
}

test("an upload goes on at another server after kill -9 of the first", { timeout: 300_000 }, async () => {
  using root = temporaryRoot();
  const location = swift.location();
  const content = blob(noise((20 << 20) + 12_345));
  await using second = await serve(root, location);
  let session: string;
  {
    await using first = await serve(root, location);
    session = (await fetch(`http://${first.match[1]}/v2/x/blobs/uploads/`, { method: "POST" })).headers.get("location") ?? "";
    const socket = connect(Number(first.match[2]), "127.0.0.1");
    socket.on("error", () => {}); // reset when the server dies
    socket.write(`PATCH ${session} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${content.bytes.length}\r\n\r\n`);
    socket.write(content.bytes.subarray(0, 18 << 20));
    const reached = async (): Promise<string | null> => (await fetch(`http://${second.match[1]}${session}`)).headers.get("range");
    await expect.poll(reached, { timeout: 120_000 }).toBe(`0-${(16 << 20) - 1}`); // whole chunks; the rest was in memory
    first.process.kill("SIGKILL");
    await once(first.process, "exit");
    socket.destroy();
  }
  const url = `http://${second.match[1]}`;
  const body = new Uint8Array(content.bytes.subarray(16 << 20));
  const patched = await fetch(url + session, { method: "PATCH", body, headers: { "content-range": `${16 << 20}-${content.bytes.length - 1}` } });
  expect(patched.status).toBe(202);
  expect((await fetch(`${url}${session}?digest=${content.descriptor.digest}`, { method: "PUT" })).status).toBe(201);
  await isHere(url, "x", content);
  await using storage = await openBucket(swift, location);
  expect(await keysOf(storage, "uploads/")).toEqual([]);
});

test("chunks of all sizes at two servers in turn make one blob, by sha512 here; a wrong digest leaves nothing", { timeout: 300_000 }, async () => {
  const location = swift.location();
  await using one = await registryOver(swift, location);
  await using two = await registryOver(swift, location);
  const { storage } = one;
  const content = blob(noise((17 << 20) + 1));
  const sha512 = `sha512:${createHash("sha512").update(content.bytes).digest("hex")}`;
  for (const digest of [sha512, `sha256:${"0".repeat(64)}`]) {
    const session = (await fetch(`${one.url}/v2/x/blobs/uploads/`, { method: "POST" })).headers.get("location") ?? "";
    let at = 0;
    for (const [index, size] of [1, 5 << 20, 100, 9 << 20, content.bytes.length].entries()) {
      const chunk = content.bytes.subarray(at, at + size);
      const headers = { "content-range": `${at}-${at + chunk.length - 1}` };
      const reply = await fetch(`${(index % 2 === 0 ? one : two).url}${session}`, { method: "PATCH", body: new Uint8Array(chunk), headers });
      expect([reply.status, reply.headers.get("range")]).toEqual([202, `0-${at + chunk.length - 1}`]);
      at += chunk.length;
    }
    const done = await fetch(`${two.url}${session}?digest=${digest}`, { method: "PUT" });
    expect(done.status).toBe(digest.endsWith("0000") ? 400 : 201);
    if (done.status === 201) await isHere(one.url, "x", content, digest);
  }
  const across = await fetch(`${one.url}/v2/x/blobs/${sha512}`, { headers: { range: `bytes=${(8 << 20) - 10}-${(8 << 20) + 9}` } });
  expect([across.status, across.headers.get("content-range")]).toEqual([206, `bytes ${(8 << 20) - 10}-${(8 << 20) + 9}/${content.bytes.length}`]);
  expect(Buffer.from(await across.arrayBuffer()).equals(content.bytes.subarray((8 << 20) - 10, (8 << 20) + 10))).toBe(true);
  expect((await keysOf(storage, "blobs/")).length).toBe(1);
  expect(await keysOf(storage, "uploads/")).toEqual([]);
  expect([...one.lines, ...two.lines]).toEqual([]);
});

test("skopeo pushes to two servers on one bucket at once, and each shows all of it", { timeout: 300_000 }, async () => {
  using root = temporaryRoot();
  const location = swift.location();
  await using one = await serve(root, location);
  await using two = await serve(root, location);
  const hosts = [one.match[1] ?? "", two.match[1] ?? ""];
  const from = join(root.root, "from");
  const { digest } = await writeLayout(from, ["amd64", "arm64"]);
  const copy = async (source: string, target: string): Promise<unknown> =>
    await run("skopeo", ["copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", source, target], { env: root.env });
  await Promise.all(["a", "b"].map(async (tag, at) => await copy(`oci:${from}:v1`, `docker://${hosts[at % 2]}/team/app:${tag}`)));
  for (const host of hosts) expect(await (await fetch(`http://${host}/v2/team/app/tags/list`)).json()).toEqual({ name: "team/app", tags: ["a", "b"] });
  for (const [at, tag] of ["a", "b"].entries()) {
    const reply = await fetch(`http://${hosts[1 - at]}/v2/team/app/manifests/${tag}`, { method: "HEAD" });
    expect(reply.headers.get("docker-content-digest")).toBe(digest);
  }
  await copy(`docker://${hosts[1]}/team/app:a`, `oci:${join(root.root, "to")}:v1`);
  expect((await fetch(`http://${hosts[0]}/v2/team/app/manifests/a`, { method: "DELETE" })).status).toBe(202);
  expect((await fetch(`http://${hosts[1]}/v2/team/app/manifests/a`)).status).toBe(404);
});

test("gc takes what no repository links, and never what is pushed at the same moment", { timeout: 300_000 }, async () => {
  const location = swift.location();
  await using registry = await registryOver(swift, location);
  const { storage } = registry;
  await using janitor = await openBucket(swift, location);
  const config = blob("{}");
  const layer = blob(noise(50_000, 7));
  const manifest = manifestOf(config, [layer]);
  let isDone = false;
  let swept = 0;
  const collecting = (async (): Promise<void> => {
    while (!isDone) {
      for await (const dropped of collect(openRepositories(janitor), janitor.blobs, { untagged: true, graceMs: 0, dryRun: false, now: Date.now() }))
        swept += dropped.size;
      for await (const { size } of sweep(janitor.bucket, { graceMs: 0, dryRun: false })) swept += size;
    }
  })();
  let pushed = 0;
  for (const until = Date.now() + 5_000; Date.now() < until || pushed === 0;) {
    const replies = [await pushBlob(registry, "x", config), await pushBlob(registry, "x", layer), await putManifest(registry, "x", "v1", manifest)];
    if (!replies.every(({ status }) => status === 201)) {
      for (const { status } of replies) expect([201, 400, 503]).toContain(status); // collected under way: the client is told, and pushes again
      continue;
    }
    pushed += 1;
    expect((await fetch(`${registry.url}/v2/x/manifests/v1`)).status).toBe(200);
    for (const part of [config, layer]) await isHere(registry.url, "x", part);
    expect((await fetch(`${registry.url}/v2/x/manifests/${manifest.descriptor.digest}`, { method: "DELETE" })).status).toBe(202);
  }
  isDone = true;
  await collecting;
  await fetch(`${registry.url}/v2/x/manifests/${manifest.descriptor.digest}`, { method: "DELETE" }); // of a push that was half refused
  expect(swept).toBeGreaterThan(0);
  for await (const dropped of collect(openRepositories(janitor), janitor.blobs, { untagged: true, graceMs: 0, dryRun: false, now: Date.now() + 2_000 }))
    expect(dropped.repository).toBe("x");
  await expect
    .poll(async () => {
      for await (const { size } of sweep(janitor.bucket, { graceMs: 0, dryRun: false })) swept += size;
      return await keysOf(storage, "blobs/");
    })
    .toEqual([]);
  expect(await keysOf(storage, "sweep/")).toEqual([]);
});
