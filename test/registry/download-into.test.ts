/** Large blobs that go past Node into the file: whole and verified, or nothing; wherever the other side cuts, lies, stands still or leads elsewhere. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mirrored } from "../../registry/client/mirrored.ts";
import { pull } from "../../registry/client/pull.ts";
import { openRemote, type RemoteOptions } from "../../registry/client/remote.ts";
import { isReplayable } from "../../registry/client/replayable.ts";
import { openRepository } from "../../registry/client/repository.ts";
import { digestOf } from "../../store/digest.ts";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { storeOfEachTest } from "../support/store.ts";
import { treeTool } from "../support/root.ts";
import { beginRange, rangeOf, serveImage, type FakeRegistry } from "./fake-registry.ts";
import { configOf } from "./image.ts";
import { blob, manifestOf, noise, unfinished } from "./registry.ts";

const MIB = 1 << 20;
const retry = { attempts: 4, firstMs: 5, longestMs: 50 };
const small = blob(noise(3 * MIB, 5)); // over one connection
const large = blob(Buffer.concat(Array.from({ length: 20 }, (_, at) => noise(MIB, at)))); // a part first

const { place: scratch, store } = storeOfEachTest();

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** A registry of one image with one layer; `serve` is where a row misbehaves. */
async function serveLayer(layer: typeof small, serve: Serve): Promise<FakeRegistry> {
  const config = configOf(digestOf(layer.bytes));
  return await serveImage(manifestOf(config, [layer]), [config, layer], (request, response, part) => {
    if (part !== layer) return false;
    serve(request, response);
    return true;
  });
}

async function pullFrom({ host }: Pick<FakeRegistry, "host">, into: Store = store, options: Partial<RemoteOptions> = {}): Promise<void> {
  await using remote = await openRemote(host, { env: { HOME: scratch.root }, retry, ...options });
  const repository = openRepository(remote, "app");
  await pull(repository, into, await repository.read("v1"), { unpack: false });
}

/** Ends the connection behind so many bytes of what was asked for. */
function cutAfter(layer: typeof small, request: IncomingMessage, response: ServerResponse, count: number): void {
  const bytes = beginRange(request, response, layer);
  if (bytes.length <= count) response.end(bytes);
  else response.write(bytes.subarray(0, count), () => setTimeout(() => response.destroy(), 20));
}

test.each([
  { name: "over one connection", layer: small },
  { name: "a part first", layer: large },
])("what is cut goes on where it was, and is hashed once: $name", async ({ layer }) => {
  const starts: number[] = [];
  await using server = await serveLayer(layer, (request, response) => {
    starts.push(rangeOf(request, layer).start);
    cutAfter(layer, request, response, starts.length < 4 ? 700_000 : layer.bytes.length);
  });
  await pullFrom(server);
  expect(digestOf(readFileSync(store.blobs.path(layer.descriptor.digest)))).toBe(layer.descriptor.digest);
  expect(starts.slice(0, 4)).toEqual([0, 700_000, 1_400_000, 2_100_000]);
});

test("it goes past Node, and what was hashed is what is in the file", async () => {
  await using server = await serveLayer(large, (request, response) => void response.end(beginRange(request, response, large)));
  await using remote = await openRemote(server.host, { env: { HOME: scratch.root }, retry });
  const path = join(scratch.root, "file");
  const file = openSync(path, "wx+");
  const content = openRepository(remote, "app").fetch(large.descriptor);
  const filled = isReplayable(content) ? await content.fill?.(file) : undefined;
  closeSync(file);
  expect(filled).toEqual({ size: large.bytes.length, sha256: createHash("sha256").update(readFileSync(path)).digest("hex") });
  expect(`sha256:${filled?.sha256}`).toBe(large.descriptor.digest);
});

const other = noise(small.bytes.length, 9);
const bad: readonly { readonly name: string; readonly serve: Serve; readonly code: string; readonly options?: Partial<RemoteOptions> }[] = [
  { name: "sends other bytes of the right length", serve: (_request, response) => response.end(other), code: "DIGEST_MISMATCH" },
  { name: "announces another length", serve: (_request, response) => response.writeHead(200, { "content-length": 7 }).end("seven77"), code: "SIZE_INVALID" },
  {
    name: "gives more than is left of it",
    serve: (request, response) => {
      if (request.headers.range === undefined) return cutAfter(small, request, response, MIB);
      response.writeHead(206, { "content-range": `bytes ${MIB}-${small.bytes.length}/*`, "content-length": 4 * MIB }).end(Buffer.alloc(4 * MIB));
    },
    code: "SIZE_INVALID",
  },
  {
    name: "never ends",
    serve: (_request, response) => {
      const more = (): boolean => response.destroyed || response.write(Buffer.alloc(MIB), () => setTimeout(more, 1));
      response.writeHead(200);
      more();
    },
    code: "SIZE_INVALID",
  },
  { name: "is cut every time, with nothing new", serve: (request, response) => cutAfter(small, request, response, 0), code: "UNREACHABLE" },
  {
    name: "stands still in the middle",
    serve: (request, response) => void response.write(beginRange(request, response, small).subarray(0, 100_000)),
    code: "UNREACHABLE",
    options: { idleMs: 300, retry: { ...retry, attempts: 2 } },
  },
  { name: "does not have it", serve: (_request, response) => response.writeHead(404).end(), code: "BLOB_UNKNOWN" },
];
test.each(bad)("from a server that $name nothing is stored", async ({ serve, code, options }) => {
  await using server = await serveLayer(small, serve);
  await expect(pullFrom(server, store, options)).rejects.toMatchObject({ code });
  expect(await store.blobs.stat(small.descriptor.digest)).toBeUndefined();
  expect(unfinished(scratch.root).filter((name) => !name.startsWith("partial."))).toEqual([]);
  if (code !== "UNREACHABLE") expect(unfinished(scratch.root)).toEqual([]); // what an honest one brought is kept
});

test("where it leads to is gone to", async () => {
  await using there = await serveLayer(small, (request, response) => void response.end(beginRange(request, response, small)));
  await using server = await serveLayer(small, (request, response) => {
    response.writeHead(307, { location: `http://${there.host}${request.url}` }).end();
  });
  await pullFrom(server);
  expect((await store.blobs.stat(small.descriptor.digest))?.size).toBe(small.bytes.length);
});

test("what a mirror brought before it failed the registry need not bring", async () => {
  const starts: number[] = [];
  let cuts = 0;
  await using mirror = await serveLayer(small, (request, response) => cutAfter(small, request, response, (cuts += 1) === 1 ? MIB : 0));
  await using server = await serveLayer(small, (request, response) => {
    starts.push(rangeOf(request, small).start);
    response.end(beginRange(request, response, small));
  });
  const options = { env: { HOME: scratch.root }, retry };
  await using first = await openRemote(mirror.host, options);
  await using second = await openRemote(server.host, options);
  const candidates = [first, second].map((remote) => ({ place: remote.host, open: async () => openRepository(remote, "app") }));
  await store.blobs.push(small.descriptor, mirrored(candidates).fetch(small.descriptor));
  expect(starts).toEqual([MIB]);
  expect(digestOf(readFileSync(store.blobs.path(small.descriptor.digest)))).toBe(small.descriptor.digest);
});

test("a disk that gets full says so, and keeps nothing of it", async () => {
  const disk = join(scratch.root, "disk");
  mkdirSync(disk);
  expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", disk]).status).toBe(0);
  try {
    await using tight = await openStore({ root: join(disk, "root"), treeTool });
    await using server = await serveLayer(large, (request, response) => void response.end(beginRange(request, response, large)));
    await using remote = await openRemote(server.host, { env: { HOME: scratch.root }, retry });
    const pushing = tight.blobs.push(large.descriptor, openRepository(remote, "app").fetch(large.descriptor));
    await expect(pushing).rejects.toMatchObject({ code: "ENOSPC", message: expect.stringContaining("no space left on device") });
    expect(unfinished(tight.root)).toEqual([]);
    await using again = await serveLayer(small, (request, response) => void response.end(beginRange(request, response, small)));
    await pullFrom(again, tight);
    expect((await tight.blobs.stat(small.descriptor.digest))?.size).toBe(small.bytes.length);
  } finally {
    spawnSync("umount", [disk]);
  }
});
