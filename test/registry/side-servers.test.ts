/** What two servers on one root, or two requests to one, must not do to each other's content and names. */
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { listenRegistry } from "../../registry/server/listen.ts";
import { openRepositories } from "../../registry/server/repositories.ts";
import { storeStorage, type Records } from "../../registry/storage.ts";
import { utimesSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../store/open.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { blob, manifestOf, noise, startRegistry } from "./registry.ts";

const [good, evil] = [blob(noise(4_018, 1)), blob(noise(4_018, 2))];

test.each(["opened it at its beginning", "opened it behind what came"])(
  "a session that another server %s is that server's until its request ends",
  async (when) => {
    await using registry = await startRegistry({ logFormat: "none" });
    await using other = await openStore({ root: registry.store.root, treeTool });
    const second = await listenRegistry({ storage: storeStorage(other), host: "127.0.0.1", port: 0, logFormat: "none", log: () => {} });
    try {
      const session = (await fetch(`${registry.url}/v2/r/blobs/uploads/`, { method: "POST" })).headers.get("location") ?? "";
      const patch = async (): Promise<number> => (await fetch(registry.url + session, { method: "PATCH", body: new Uint8Array(good.bytes) })).status;
      if (when === "opened it behind what came") expect(await patch()).toBe(202);
      const socket = connect(second.port, "127.0.0.1");
      socket.write(`PATCH ${session} HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: ${evil.bytes.length}\r\n\r\n`);
      expect(String((await once(socket, "data"))[0])).toBe("HTTP/1.1 100 Continue\r\n\r\n"); // it has opened the session
      expect(await patch()).toBe(429);
      const put = async (): Promise<number> => (await fetch(`${registry.url}${session}?digest=${good.descriptor.digest}`, { method: "PUT" })).status;
      expect(await put()).toBe(429);
      expect((await fetch(registry.url + session)).status).toBe(204);
      socket.write(evil.bytes);
      expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 202 /);
      socket.destroy();
      expect(await put()).toBe(400); // what came is not what was named
      expect((await fetch(`${registry.url}/v2/r/blobs/${good.descriptor.digest}`)).status).toBe(404);
    } finally {
      await second.close(0);
    }
  },
);

test("a blob is young when it is stored, however long ago its last byte came", async () => {
  await using registry = await startRegistry({ logFormat: "none" });
  const session = (await fetch(`${registry.url}/v2/r/blobs/uploads/`, { method: "POST" })).headers.get("location") ?? "";
  await fetch(registry.url + session, { method: "PATCH", body: new Uint8Array(good.bytes) });
  const ingest = join(registry.store.root, "ingest");
  const past = Date.now() / 1000 - 7200;
  for (const name of readdirSync(ingest).filter((file) => file.startsWith("upload-"))) utimesSync(join(ingest, name), past, past);
  expect((await fetch(`${registry.url}${session}?digest=${good.descriptor.digest}`, { method: "PUT" })).status).toBe(201);
  expect(Date.now() - statSync(registry.store.blobs.path(good.descriptor.digest)).mtimeMs).toBeLessThan(60_000);
});

/** A table whose reader is held up after it has read. */
function slow<Value>(records: Records<Value>, afterList: () => Promise<void>): Records<Value> {
  return {
    get: (key) => records.get(key),
    keys: (prefix, page) => records.keys(prefix, page),
    put: async (key, value) => await records.put(key, value),
    update: async (key, change) => await records.update(key, change),
    remove: async (key) => await records.remove(key),
    async list(prefix, page) {
      const found = await records.list(prefix, page);
      await afterList();
      return found;
    },
  };
}

test("a delete takes no tag that names another manifest by now, and leaves none that names what it took", async () => {
  using root = temporaryRoot();
  await using store = await openStore({ root: root.root, treeTool });
  const real = storeStorage(store);
  const [older, newer] = [manifestOf(good, []), manifestOf(evil, [])].map(({ descriptor }) => descriptor) as [typeof good.descriptor, typeof good.descriptor];
  let between = async (): Promise<void> => {};
  const repositories = openRepositories({
    ...real,
    table: <Value>(name: string) => (name === "registry.tags" ? slow(real.table<Value>(name), async () => await between()) : real.table<Value>(name)),
  });
  const plain = openRepositories(real);
  await plain.linkManifest("app", older, undefined);
  await plain.linkManifest("app", newer, undefined);
  await plain.setTag("app", "moved", older.digest);
  let times = 0;
  between = async () => {
    if (times++ > 0) return;
    await plain.setTag("app", "moved", newer.digest);
    await plain.setTag("app", "late", older.digest);
  };
  expect(await repositories.unlinkManifest("app", older.digest)).toBe(true);
  expect([await plain.tag("app", "moved"), await plain.tag("app", "late"), await plain.tags("app")]).toEqual([newer.digest, undefined, ["moved"]]);
  times = 0;
  await plain.linkManifest("app", older, undefined);
  between = async () => {
    if (times++ === 0) await plain.setTag("app", "again", older.digest);
    else if (times === 2) await plain.linkManifest("app", older, undefined);
  };
  expect(await repositories.unlinkManifest("app", older.digest)).toBe(true);
  expect(await plain.tag("app", "again")).toBe(older.digest);
});
