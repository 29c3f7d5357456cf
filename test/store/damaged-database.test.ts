/** A database that lmdb cannot open, which would end the process by SIGSEGV: told in words, and left as it is. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { openLmdbLog } from "../../orchestrator/log/lmdb-log.ts";
import { strataOutput } from "../support/cli.ts";
import { strata, temporaryFolder, temporaryRoot, type TemporaryRoot } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 });

const PAGE = 4096;

let place: TemporaryRoot;
let data: string;
let whole: Buffer;

/** After `limit` has been set in the shell. */
function images(limit = "true"): { readonly ended: number | string | null; readonly stderr: string } {
  rmSync(join(place.root, "db/snapshot.json"), { force: true });
  const script = `${limit}; exec "$0" "$1" images --quiet`;
  const { status, signal, stderr } = spawnSync("sh", ["-c", script, process.execPath, strata], { env: place.env, encoding: "utf8" });
  return { ended: signal ?? status, stderr };
}

function overwrite(at: number, bytes: Buffer): void {
  const fd = openSync(data, "r+");
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

beforeAll(async () => {
  place = temporaryRoot();
  data = join(place.root, "db/data.mdb");
  await strataOutput(place, "base", "create", "local/one", "--bin", "true");
  whole = readFileSync(data);
});
afterAll(() => place[Symbol.dispose]());
beforeEach(() => writeFileSync(data, whole));

const damages: readonly { readonly name: string; readonly damage: () => void; readonly told: RegExp }[] = [
  { name: "of zeros", damage: () => writeFileSync(data, Buffer.alloc(whole.length)), told: /data\.mdb: its first pages are not those of a database/ },
  { name: "of a byte", damage: () => truncateSync(data, 1), told: /data\.mdb: its first pages are not/ },
  { name: "of one page", damage: () => truncateSync(data, PAGE), told: /data\.mdb: its first pages are not/ },
  { name: "that ends after two pages", damage: () => truncateSync(data, 2 * PAGE), told: /data\.mdb: it ends after 8192 bytes, before its records/ },
  { name: "whose first page is of no kind", damage: () => overwrite(0x12, Buffer.alloc(2)), told: /data\.mdb: its first pages are not/ },
  { name: "of another version", damage: () => overwrite(PAGE + 0x1c, Buffer.from([9])), told: /data\.mdb: its first pages are not/ },
  { name: "with pages of no bytes", damage: () => overwrite(0x30, Buffer.alloc(4)), told: /data\.mdb: its first pages are not/ },
];
test.each(damages)("a database $name is told of in words", ({ damage, told }) => {
  damage();
  const found = readFileSync(data);
  expect(images()).toEqual({ ended: 1, stderr: expect.stringMatching(told) });
  expect(readFileSync(data).equals(found)).toBe(true);
});

test("a database that is empty begins anew", () => {
  truncateSync(data, 0);
  expect(images()).toEqual({ ended: 0, stderr: "" });
});

test("a process that may not have the address space is told so", () => {
  const { ended, stderr } = images("ulimit -v 5000000");
  expect([ended, stderr]).toEqual([1, expect.stringMatching(/address space.*\n.*ulimit -v/)]);
});

test("with too few descriptors no database is opened", () => {
  const ends = Array.from({ length: 12 }, (_, more) => images(`ulimit -n ${18 + more}`).ended);
  expect(ends).toEqual([...ends.filter((ended) => ended === 1), ...ends.filter((ended) => ended === 0)]);
  expect(new Set(ends)).toEqual(new Set([0, 1]));
});

describe("the object log", () => {
  test("tells of a damaged database and lets go of it", () => {
    const folder = temporaryFolder();
    try {
      writeFileSync(join(folder, "data.mdb"), "no database");
      for (let time = 0; time < 2; time++) expect(() => openLmdbLog({ folder })).toThrow(/data\.mdb: its first pages are not/);
      expect(statSync(join(folder, "data.mdb")).size).toBe(11);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
