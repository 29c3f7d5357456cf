/** A disk without space: refused with a reason, the store whole, and the same works once there is room. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import type { LayerEntry, Store } from "../../store/store.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";

const BIG: LayerEntry = { path: "big", type: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0, source: { bytes: Buffer.alloc(3 << 20, "x") } };

let place: TemporaryRoot;
let disk: string;
let store: Store;

beforeEach(async () => {
  place = temporaryRoot();
  disk = join(place.root, "disk");
  mkdirSync(disk, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "strata-full", disk]);
  store = await openStore({ root: join(disk, "root"), treeTool });
  await store.table("test").put("first", 1);
  try {
    writeFileSync(join(disk, "fill"), Buffer.alloc(32 << 20));
  } catch {
    // full, as it should be
  }
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  execFileSync("umount", ["-l", disk]);
  place[Symbol.dispose]();
});

const writes: readonly { readonly name: string; readonly write: () => Promise<unknown>; readonly reason: RegExp }[] = [
  { name: "a blob", write: async () => await store.blobs.put(Buffer.alloc(1 << 20, "y")), reason: /ENOSPC/ },
  { name: "a layer, in a thread", write: async () => await store.snapshots.write(undefined, [BIG]), reason: /ENOSPC/ },
  { name: "records", write: async () => await fillRecords(), reason: /^Cannot write records/ },
];
test.each(writes)("$name cannot be written, and can when there is room", async ({ write, reason }) => {
  await expect(write()).rejects.toThrow(reason);
  const damages: unknown[] = [];
  for await (const damage of store.care.check()) damages.push(damage);
  rmSync(join(disk, "fill"));
  await write();
  expect(damages).toEqual([]);
});

/** More than the room that the database has in reserve; more often than lmdb bears to fail. */
async function fillRecords(): Promise<void> {
  const writes = Array.from({ length: 200 }, (_, at) => async () => await store.table("test").update(`key${at}`, () => "z".repeat(20_000)));
  const failures: Error[] = [];
  for (const write of writes) await write().catch((error: unknown) => failures.push(error as Error));
  if (failures[0] !== undefined) throw failures[0];
}

test("small records are written and removed while there is no room", async () => {
  const table = store.table("test");
  for (let at = 0; at < 100; at++) await table.put(`key${at}`, "z");
  for (let at = 0; at < 100; at++) await table.remove(`key${at}`);
  expect(table.list()).toEqual([["first", 1]]);
});
