/** Blobs that are sent from their file by the kernel, and layers that are sent while they are packed: whole, cut, refused in the middle. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createServer as createProxy } from "node:http";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { fileContent, type FileContent } from "../../registry/client/file-content.ts";
import { push } from "../../registry/client/push.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { openRepository } from "../../registry/client/repository.ts";
import { sendFile } from "../../registry/client/send-file.ts";
import { parseAnswer } from "../../registry/client/sent-answer.ts";
import { openStore } from "../../store/open.ts";
import { serveHttp } from "../support/http-server.ts";
import { treeTool } from "../support/root.ts";
import { blobFileOfEachTest } from "./blob-file.ts";
import { blob, noise, startRegistry } from "./registry.ts";

const MIB = 1 << 20;
const big = blob(noise(24 * MIB, 5), "application/vnd.oci.image.layer.v1.tar+gzip");

const file = blobFileOfEachTest(big.bytes);

/** What cannot be read: only the kernel may send it. */
function unread(): FileContent {
  return fileContent(file.path, big.bytes.length, () => {
    throw new Error("it was read");
  });
}

/** Passes on what comes, and cuts the first connection that brought more than `most`. */
async function cutter(to: number, most: number): Promise<AsyncDisposable & { readonly host: string; readonly cuts: () => number }> {
  let cuts = 0;
  const server = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    let came = 0;
    near.on("data", (bytes) => {
      came += bytes.length;
      if (came > most && cuts === 0) {
        cuts += 1;
        near.resetAndDestroy();
      }
    });
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on("error", () => {});
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts: () => cuts,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

test("a blob that is cut in the middle goes on, and none of it is read by Node", async () => {
  await using registry = await startRegistry({ logFormat: "none" });
  await using between = await cutter(Number(registry.host.split(":")[1]), 5 * MIB);
  await using remote = await openRemote(between.host, { env: {} });
  let sent = 0;
  const repository = openRepository(remote, "cut", { onTransfer: (_, __, bytes) => void (sent += bytes) });
  await repository.push(big.descriptor, unread());
  expect(between.cuts()).toBe(1);
  expect(sent).toBeGreaterThanOrEqual(big.bytes.length);
  expect(Buffer.from(await registry.store.blobs.read(big.descriptor.digest, 64 * MIB)).equals(big.bytes)).toBe(true);
});

test.each([Number.POSITIVE_INFINITY, 5 * MIB])("a layer that is sent while it is packed is whole, cut after %d bytes or not", async (most) => {
  await using registry = await startRegistry({ logFormat: "none" });
  await using between = await cutter(Number(registry.host.split(":")[1]), most);
  await using store = await openStore({ root: join(file.scratch.root, "store"), treeTool });
  const layer = await store.snapshots.write(undefined, [
    { path: "noise", type: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0, source: { bytes: big.bytes }, size: big.bytes.length },
  ]);
  const packing = await store.snapshots.pack(layer.chainID);
  if (!("whole" in packing)) throw new Error("it was packed before");
  await using growing = packing;
  await using remote = await openRemote(between.host, { env: {} });
  const sent = await openRepository(remote, "growing").pushGrowing!({ ...big.descriptor, size: 0 }, growing);
  expect(sent).toEqual(await growing.whole);
  expect(await store.snapshots.pack(layer.chainID)).toMatchObject({ digest: sent.digest, size: sent.size });
  const there = await registry.store.blobs.read(sent.digest, 64 * MIB);
  expect(Buffer.from(there).equals(Buffer.from(await store.blobs.read(sent.digest, 64 * MIB)))).toBe(true);
  expect(between.cuts()).toBe(most === Number.POSITIVE_INFINITY ? 0 : 1);
});

test.each([401, 413, 307])("a %d in the middle of a body is the answer, and the rest is not sent", async (status) => {
  await using server = await serveHttp((request, response) => {
    request.once("data", () => response.writeHead(status, { connection: "close" }).end('{"errors":[]}'));
  });
  const headers = { "content-length": String(big.bytes.length) };
  const body = { ...unread(), start: 0 };
  const answer = await sendFile({ url: `${server.base}/x`, method: "PATCH", headers, body, connectMs: 10_000, idleMs: 30_000 });
  expect([answer?.status, answer?.body.toString()]).toEqual([status, '{"errors":[]}']);
});

test("who takes nothing is left after a time, and a file that became shorter is told", async () => {
  await using server = await serveHttp((request) => void request.pause());
  const request = { url: `${server.base}/x`, method: "PATCH", connectMs: 10_000, body: { ...unread(), start: 0 } };
  await expect(sendFile({ ...request, headers: { "content-length": String(big.bytes.length) }, idleMs: 500 })).rejects.toThrow(
    "no byte went or came in 0.5 seconds",
  );
  await using taking = await serveHttp((incoming) => void incoming.resume());
  const headers = { "content-length": String(big.bytes.length + 1) };
  await expect(sendFile({ ...request, url: `${taking.base}/x`, headers, idleMs: 30_000 })).rejects.toMatchObject({ code: "SIZE_INVALID" });
});

test("through a proxy it is read", async () => {
  await using registry = await startRegistry({ logFormat: "none", servedNames: ["registry.example"] });
  const proxy = createProxy().listen(0, "127.0.0.1");
  proxy.on("connect", (_, near) => {
    const far = connect(Number(registry.host.split(":")[1]), "127.0.0.1", () => near.write("HTTP/1.1 200 Connection established\r\n\r\n"));
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on("error", () => {});
  });
  await once(proxy, "listening");
  let reads = 0;
  const content = fileContent(file.path, big.bytes.length, (start) => (reads++, createReadStream(file.path, { start })));
  try {
    await using remote = await openRemote("registry.example", {
      env: { http_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` },
      insecure: true,
    });
    await openRepository(remote, "proxied").push(big.descriptor, content);
    expect(reads).toBe(1);
    expect(await registry.store.blobs.stat(big.descriptor.digest)).toBeDefined();
  } finally {
    proxy.close();
  }
});

const ANSWERS = [
  { name: "a length", text: "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nokmore", status: 202, body: "ok" },
  { name: "chunks", text: "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", status: 400, body: "ok" },
  { name: "100 before it", text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", status: 204, body: "" },
  { name: "a body that is still to come", text: "HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\nok", status: undefined, body: undefined },
  { name: "HTTP/1.0", text: "HTTP/1.0 413 Too large\r\nContent-Length: 0\r\n\r\n", status: 413, body: "" },
  { name: "no end told", text: "HTTP/1.1 500 Oh\r\n\r\nok", status: undefined, body: undefined },
];
test.each(ANSWERS)("an answer with $name", ({ text, status, body }) => {
  const answer = parseAnswer(Buffer.from(text), false);
  expect([answer?.status, answer?.body.toString()]).toEqual([status, body]);
});

test.each(["-a", "", "1 2", "fffffffff"])("an answer with a chunk of %j bytes is malformed", (size) => {
  const text = `HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\nok\r\n0\r\n\r\n`;
  expect(() => parseAnswer(Buffer.from(text), true)).toThrow("malformed");
});

test("skopeo reads what was sent while it was packed", async () => {
  await using registry = await startRegistry({ logFormat: "none" });
  await using store = await openStore({ root: join(file.scratch.root, "store"), treeTool });
  const { buildImage } = await import("./image.ts");
  const target = await buildImage(store, "sent:v1");
  await using remote = await openRemote(registry.host, { env: {} });
  const repository = openRepository(remote, "sent");
  await repository.tag("v1", await push(store, repository, target));
  const to = join(file.scratch.root, "read");
  await promisify(execFile)("skopeo", ["--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", `docker://${registry.host}/sent:v1`, `dir:${to}`]);
});
