/** A disk that is full: the upload that did not fit gives its room to the others. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listenRegistry } from "../../registry/server/listen.ts";
import { storeStorage } from "../../registry/storage.ts";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import type { Listener } from "../../http/serve.ts";
import { temporaryRoot, treeTool, type TemporaryRoot } from "../support/root.ts";
import { blob, noise, pushBlob } from "./registry.ts";

const MIB = 1 << 20;
/** For the store itself: its records are written sparsely. */
const DISK = "24m";
const large = noise(40 * MIB);

let root: TemporaryRoot;
let disk: string;
let store: Store;
let listener: Listener;
beforeEach(async () => {
  root = temporaryRoot();
  disk = join(root.root, "disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK}`, "strata-test-full", disk]);
  store = await openStore({ root: disk, treeTool });
  listener = await listenRegistry({ storage: storeStorage(store), host: "127.0.0.1", port: 0, logFormat: "none", log: () => {} });
});
afterEach(async () => {
  await listener.close(0);
  await store[Symbol.asyncDispose]();
  execFileSync("umount", ["-l", disk]);
  root[Symbol.dispose]();
});

async function begin(): Promise<string> {
  return (await fetch(`${listener.url}/v2/app/blobs/uploads/`, { method: "POST" })).headers.get("location") ?? "";
}

/** The status line; the client goes on sending whatever the server says. */
async function send(method: string, path: string, head: string, bytes: Buffer): Promise<string> {
  const socket = connect(listener.port, "127.0.0.1");
  let said = "";
  socket.on("error", () => {}).on("data", (data: Buffer) => (said += data.toString()));
  socket.write(`${method} ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${head}\r\n\r\n`);
  socket.write(bytes);
  await new Promise((resolve) => socket.on("close", resolve));
  return said.split("\r\n")[0] ?? "";
}

const chunked = Buffer.concat([Buffer.from(`${large.length.toString(16)}\r\n`), large, Buffer.from("\r\n0\r\n\r\n")]);

test.each([
  { name: "a PATCH of known length", method: "PATCH", head: `content-length: ${large.length}`, body: large },
  { name: "a streamed PATCH", method: "PATCH", head: "transfer-encoding: chunked", body: chunked },
  { name: "the last PUT", method: "PUT", head: `content-length: ${large.length}`, body: large },
])("$name that finds it full is 507, and what comes next has the room", async ({ method, head, body }) => {
  const session = await begin();
  const query = method === "PUT" ? `?digest=${blob(large).descriptor.digest}` : "";
  expect(await send(method, session + query, head, body)).toMatch(/^HTTP\/1\.1 507 /);
  expect((await fetch(listener.url + session)).status).toBe(404);
  expect(readdirSync(join(disk, "ingest")).filter((name) => name.startsWith("upload-"))).toEqual([]);
  const other = blob(noise(8 * MIB, 7));
  expect((await pushBlob({ url: listener.url }, "app", other)).status).toBe(201);
});
