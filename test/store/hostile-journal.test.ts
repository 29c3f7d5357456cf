/** The files of records, damaged or exchanged: told in words, never waited for, never written through, and the next command works. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";

let place: TemporaryRoot;
let db: string;
let journal: string;

async function withStore<T>(act: (store: Store) => Promise<T>): Promise<T> {
  await using store = await openStore({ root: place.root, treeTool });
  return await act(store);
}

const put = async (key: string, value: unknown): Promise<void> => await withStore(async (store) => await store.table("test").put(key, value));
const all = async (): Promise<unknown> => await withStore(async (store) => await Promise.resolve(store.table("test").list()));

/** More than one process is allowed without the database. */
async function useDatabase(): Promise<void> {
  await withStore(async (store) => {
    for (let n = 0; n < 30; n++) await store.table("many").put("n", n);
  });
}

async function damages(): Promise<readonly string[]> {
  return await withStore(async (store) => {
    const found: string[] = [];
    for await (const { what, problem } of store.care.check()) found.push(`${what.replace(`${db}/`, "")}: ${problem}`);
    return found;
  });
}

beforeEach(async () => {
  place = temporaryRoot();
  db = join(place.root, "db");
  journal = join(db, "journal");
  await put("b", 1);
  await put("a", 1);
  expect(existsSync(journal)).toBe(true);
});

afterEach(() => place[Symbol.dispose]());

const damaged: readonly { readonly name: string; readonly damage: (text: string) => string; readonly told: RegExp; readonly left: readonly string[] }[] = [
  { name: "of zeros", damage: (text) => "\0".repeat(text.length), told: /^journal: its first line is damaged/, left: ["b"] },
  { name: "that is empty", damage: () => "", told: /^journal: its first line is damaged/, left: ["b"] },
  { name: "whose first line is", damage: (text) => text.slice(3), told: /^journal: its first line is damaged/, left: ["b"] },
  { name: "for a later state", damage: (text) => text.replace(/^"\d+/, '"900'), told: /^journal: .*a state that the database does not have/, left: ["b"] },
  { name: "whose second line is", damage: (text) => text.replace(/\n./, "\nX"), told: /^journal: its line 1 is damaged/, left: ["b"] },
  { name: "with a line too many", damage: (text) => `${text}7\n`, told: /^journal: its line 2 is damaged/, left: ["a", "b"] },
];
describe.each(damaged)("a journal $name", ({ damage, told, left }) => {
  test("is told of by a check, put aside by who writes next, and told of still", async () => {
    writeFileSync(journal, damage(readFileSync(journal, "utf8")));
    expect(await damages()).toEqual([expect.stringMatching(told)]);
    expect(await withStore(async (store) => await Promise.resolve(store.table("test").keys()))).toEqual(left);
    const found = readFileSync(journal);
    await put("c", 3);
    expect(await withStore(async (store) => await Promise.resolve(store.table("test").keys()))).toEqual([...left, "c"]);
    expect(readFileSync(`${journal}.damaged`)).toEqual(found);
    expect(await damages()).toEqual([expect.stringMatching(/^journal\.damaged: a damaged journal/)]);
    rmSync(`${journal}.damaged`);
    expect(await damages()).toEqual([]);
  });
});

test.each(["a line that was never finished", "an older state"])("a journal with %s is whole", async (what) => {
  const old = readFileSync(journal);
  if (what === "an older state") {
    await useDatabase();
    writeFileSync(journal, old);
  } else appendFileSync(journal, '[["test/');
  expect(await damages()).toEqual([]);
  await put("c", 3);
  expect(await damages()).toEqual([]);
  expect(readdirSync(db)).not.toContain("journal.damaged");
});

/** Where a link leads, which must stay as it is. */
const KEPT = "somebody's own";
const exchanges: readonly { readonly name: string; readonly put: (path: string, kept: string) => void; readonly state: string }[] = [
  { name: "a link", put: (path, kept) => symlinkSync(kept, path), state: "it is a symbolic link, not a file" },
  { name: "a link to nothing", put: (path) => symlinkSync("/nowhere/at/all", path), state: "it is a symbolic link, not a file" },
  { name: "a pipe", put: (path) => void execFileSync("mkfifo", [path]), state: "it is a named pipe, not a file" },
  { name: "a folder", put: (path) => mkdirSync(path), state: "it is a folder, not a file" },
  { name: "a device", put: (path) => void execFileSync("mknod", [path, "c", "1", "3"]), state: "it is a device, not a file" },
  { name: "another's file", put: (path) => (writeFileSync(path, ""), chownSync(path, 4321, 4321)), state: "it belongs to user 4321" },
];
describe.each(exchanges)("where there is $name", ({ put: exchange, state }) => {
  test.each(["journal", "openers.lock", "writers.lock", "turnstile.lock", "data.mdb", "lock.mdb"])("instead of %s it is named", async (name) => {
    const [path, kept] = [join(db, name), join(place.root, "kept")];
    writeFileSync(kept, KEPT);
    renameSync(path, `${path}.old`);
    exchange(path, kept);
    await expect(useDatabase()).rejects.toMatchObject({
      code: "FILE_FOREIGN",
      message: `Cannot open ${path}: ${state}`,
      hint: expect.stringMatching(/move it away|chown/) as string,
    });
    expect(readFileSync(kept, "utf8")).toBe(KEPT);
    rmSync(path, { recursive: true });
    renameSync(`${path}.old`, path);
    await put("c", 3);
    expect(await all()).toEqual([
      ["a", 1],
      ["b", 1],
      ["c", 3],
    ]);
  });

  test.each(["snapshot.json", "snapshot.new", "journal.new"])("instead of %s all goes on, and nothing is written there", async (name) => {
    const [path, kept] = [join(db, name), join(place.root, "kept")];
    writeFileSync(kept, KEPT);
    rmSync(path, { force: true });
    exchange(path, kept);
    await put("c", 3);
    await useDatabase();
    await put("d", 4);
    expect(await withStore(async (store) => await Promise.resolve(store.table("test").keys()))).toEqual(["a", "b", "c", "d"]);
    expect(readFileSync(kept, "utf8")).toBe(KEPT);
  });
});

test("an older copy of the database beside a newer journal is told of", async () => {
  copyFileSync(join(db, "data.mdb"), join(db, "data.old"));
  await useDatabase();
  await put("c", 3);
  renameSync(join(db, "data.old"), join(db, "data.mdb"));
  expect(await damages()).toEqual([expect.stringMatching(/^journal: .*a state that the database does not have/)]);
});

describe("on a disk that fills", () => {
  const disk = { folder: "" };
  beforeEach(() => {
    disk.folder = mkdtempSync(join(place.root, "disk"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "strata-full", disk.folder]);
  });
  afterEach(() => execFileSync("umount", ["-l", disk.folder]));

  /** Of processes of their own, as commands are. */
  async function write(key: string, value: unknown): Promise<boolean> {
    await using store = await openStore({ root: disk.folder, treeTool });
    return await store
      .table("full")
      .put(key, value)
      .then(
        () => true,
        () => false,
      );
  }

  test("in the middle of a line nothing is lost that was told, and all goes on when there is room", async () => {
    await write("first", 0);
    const told = new Map<string, unknown>([["first", 0]]);
    const filling = join(disk.folder, "fill");
    for (let free = 0; free < 3; free++) {
      fill(filling, free * 4096);
      for (let at = 0; at < 20; at++) {
        const [key, value] = [`key${free}-${at}`, String(at).repeat(700)];
        if (await write(key, value)) told.set(key, value);
        await using store = await openStore({ root: disk.folder, treeTool });
        expect(new Map(store.table("full").list())).toEqual(told);
      }
      rmSync(filling);
      expect(await write("room", free)).toBe(true);
      told.set("room", free);
    }
    await using store = await openStore({ root: disk.folder, treeTool });
    for await (const damage of store.care.check()) expect(damage).toBeUndefined();
  });
});

/** To the last byte but `free`. */
function fill(path: string, free: number): void {
  writeFileSync(`${path}.free`, Buffer.alloc(free));
  try {
    for (;;) appendFileSync(path, Buffer.alloc(4096));
  } catch {
    rmSync(`${path}.free`);
  }
}
