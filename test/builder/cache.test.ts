import { chmodSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { BuildResult } from "../../builder/request.ts";
import type { CacheRecord } from "../../builder/solve/cache.ts";
import { pruneCache } from "../../builder/solve/prune-cache.ts";
import { openedForEach } from "../support/opened.ts";
import { ignoring, openLab } from "./lab.ts";

const lab = openedForEach(openLab);

const TREE = { a: "A", b: "B", "sub/c": "C" };
const COPY = "FROM scratch\nCOPY . /n/\n";

async function inodes(result: BuildResult): Promise<Readonly<Record<string, number>>> {
  const view = await lab.store.snapshots.view(result.chain);
  const found = await Promise.all(["n/a", "n/b", "n/sub/c"].map(async (path) => [path, statSync((await view.lookup(path))?.file ?? "").ino] as const));
  return Object.fromEntries(found);
}

/** name, change to the context, what the COPY says then */
const changes: readonly (readonly [string, (folder: string) => void, RegExp])[] = [
  ["nothing", () => undefined, /^hit/],
  ["a time", (folder) => utimesSync(join(folder, "a"), 1, 1), /^hit/],
  ["a file written again with the same content", (folder) => writeFileSync(join(folder, "a"), "A"), /^hit/],
  ["content", (folder) => writeFileSync(join(folder, "a"), "Z"), /^miss: a changed|^miss: n\/a changed/],
  [
    "content of the same length at the same time",
    (folder) => (writeFileSync(join(folder, "b"), "Y"), utimesSync(join(folder, "b"), 5, 5)),
    /^miss: n\/b changed/,
  ],
  ["a mode", (folder) => chmodSync(join(folder, "a"), 0o755), /^miss: n\/a has another mode/],
  ["a folder's mode", (folder) => chmodSync(join(folder, "sub"), 0o700), /^miss: n\/sub has another mode/],
  ["a new file", (folder) => writeFileSync(join(folder, "new"), ""), /^miss: n\/new is new/],
  ["a file gone", (folder) => rmSync(join(folder, "b")), /^miss: n\/b is gone/],
  ["a name", (folder) => (rmSync(join(folder, "b")), writeFileSync(join(folder, "z"), "B")), /^miss: n\/z is new, n\/b is gone/],
];

test.each(changes)("A COPY after a change of %s", async (_, change, wanted) => {
  const folder = lab.context(TREE);
  await lab.build(COPY);
  await lab.build(COPY); // stat data is trusted from here on
  change(folder);
  const { steps } = await lab.build(COPY);
  expect(steps.get("COPY . /n/")).toMatch(wanted);
});

test("A change that is ignored is a hit", async () => {
  const folder = lab.context(TREE);
  await lab.build(COPY, ignoring("a"));
  writeFileSync(join(folder, "a"), "Z");
  expect((await lab.build(COPY, ignoring("a"))).steps.get("COPY . /n/")).toMatch(/^hit/);
});

test("Files that did not change are links to those of the last layer", async () => {
  const folder = lab.context(TREE);
  const before = await inodes((await lab.build(COPY)).result);
  writeFileSync(join(folder, "b"), "new");
  const { result, files } = await lab.build(COPY);
  const after = await inodes(result);
  expect(files["n/b"]).toBe("file 644 0:0 new");
  expect(after["n/a"]).toBe(before["n/a"]);
  expect(after["n/sub/c"]).toBe(before["n/sub/c"]);
  expect(after["n/b"]).not.toBe(before["n/b"]);
});

test("Going back to an old context hits again", async () => {
  const folder = lab.context(TREE);
  const first = await lab.build(COPY);
  writeFileSync(join(folder, "a"), "Z");
  await lab.build(COPY);
  writeFileSync(join(folder, "a"), "A");
  const third = await lab.build(COPY);
  expect(third.steps.get("COPY . /n/")).toMatch(/^hit/);
  expect(third.result.id).toBe(first.result.id);
});

test("The same content in another folder hits", async () => {
  lab.context(TREE);
  const other = lab.context(TREE, "elsewhere");
  await lab.build(COPY);
  expect((await lab.build(COPY, { context: other })).steps.get("COPY . /n/")).toMatch(/^hit/);
});

test("--no-cache makes every step again, with the same result", async () => {
  lab.context(TREE);
  const first = await lab.build(COPY);
  const second = await lab.build(COPY, { noCache: true });
  expect(second.steps.get("COPY . /n/")).toMatch(/^miss/);
  expect(second.result.id).toBe(first.result.id);
});

test("A stage's file that did not change does not invalidate what copies it", async () => {
  const folder = lab.context(TREE);
  const text = "FROM scratch AS one\nCOPY . /n/\nFROM scratch\nCOPY --from=one /n/a /a\n";
  await lab.build(text);
  writeFileSync(join(folder, "b"), "Z");
  const { steps } = await lab.build(text);
  expect(steps.get("COPY . /n/")).toMatch(/^miss/);
  expect(steps.get("COPY --from=one /n/a /a")).toMatch(/^hit/);
});

test("Configuration alone makes no layer and keeps the steps around it", async () => {
  lab.context(TREE);
  const first = await lab.build("FROM scratch\nCOPY a /a\nLABEL x=1\nCOPY b /b\n");
  const second = await lab.build("FROM scratch\nCOPY a /a\nLABEL x=2\nENV y=3\nCOPY b /b\n");
  expect([...second.steps.values()].every((text) => text.startsWith("hit"))).toBe(true);
  expect(second.result.id).not.toBe(first.result.id);
  expect(second.result.config.rootfs).toEqual(first.result.config.rootfs);
});

test("A miss names what changed in the instruction", async () => {
  lab.context(TREE);
  await lab.build("FROM scratch\nCOPY a /a\n");
  const { steps } = await lab.build("FROM scratch\nCOPY --chown=1:1 a /a\n");
  expect(steps.get("COPY --chown=1:1 a /a")).toMatch(/^miss: options changed/);
});

test("A miss after another names the step before it", async () => {
  const folder = lab.context(TREE);
  await lab.build("FROM scratch\nCOPY a /a\nCOPY b /b\n");
  writeFileSync(join(folder, "a"), "Z");
  const { steps } = await lab.build("FROM scratch\nCOPY a /a\nCOPY b /b\n");
  expect(steps.get("COPY b /b")).toBe("miss: the step before it gave another layer");
});

test("Equal steps of two stages are made once", async () => {
  lab.context(TREE);
  const { events } = await lab.build(
    "FROM scratch AS one\nCOPY a /a\nFROM scratch AS two\nCOPY a /a\nFROM scratch\nCOPY --from=one / /1\nCOPY --from=two / /2\n",
  );
  const misses = events.filter((event) => event.kind === "explained" && !event.isHit);
  expect(misses).toHaveLength(3);
});

test("Two builds at once share the cache and agree", async () => {
  lab.context(TREE);
  const [one, two] = await Promise.all([lab.build(COPY), lab.build(COPY)]);
  expect(one.result.id).toBe(two.result.id);
});

test("A damaged index of stat data costs time only", async () => {
  const folder = lab.context(TREE);
  const first = await lab.build(COPY);
  const { readdirSync } = await import("node:fs");
  for (const kind of ["contexts", "steps"]) {
    const at = join(lab.store.root, "builder", kind);
    for (const name of readdirSync(at)) writeFileSync(join(at, name), "damaged");
  }
  expect((await lab.build(COPY)).result.id).toBe(first.result.id);
  writeFileSync(join(folder, "a"), "Z");
  expect((await lab.build(COPY)).files["n/a"]).toBe("file 644 0:0 Z");
});

test("Steps that were not used since a time are forgotten, others stay, and a use counts", async () => {
  const DAY = 24 * 3_600_000;
  const records = lab.store.table<CacheRecord>("builder.cache");
  const age = async (days: number): Promise<void> => {
    for (const [key, record] of records.list()) await records.put(key, { ...record, at: Date.now() - days * DAY });
  };
  lab.context(TREE);
  await lab.build(COPY);
  await age(40);
  await lab.build(COPY);
  await pruneCache(lab.store, { before: Date.now() - 30 * DAY, all: true });
  const used = records.list().length;
  await age(40);
  await pruneCache(lab.store, { before: Date.now() - 30 * DAY, all: true });
  expect([used > 0, records.list(), lab.store.table("builder.steps").list()]).toEqual([true, [], []]);
});

test("A context far down in the tree is built and cached as any other", async () => {
  const context = lab.context({ a: "A" }, Array.from({ length: 20 }, () => "n".repeat(120)).join("/"));
  await lab.build(COPY, { context });
  expect([...(await lab.build(COPY, { context })).steps.values()]).toEqual([expect.stringMatching(/^hit/)]);
});

test("A file that changes after it was hashed is copied as it was read then, and is not taken for the other one later", async () => {
  const folder = lab.context({ a: "first" });
  const write = lab.store.snapshots.write;
  let isFirst = true;
  const changing = {
    ...lab.store.snapshots,
    write: async (...given: Parameters<typeof write>) => {
      if (isFirst) writeFileSync(join(folder, "a"), "other");
      isFirst = false;
      return await write(...given);
    },
  };
  const built = await lab.build(COPY, {}, undefined, { ...lab.store, snapshots: changing });
  expect(built.files["n/a"]).toMatch(/ other$/);
  const again = await lab.build(COPY);
  expect([again.steps.get("COPY . /n/"), again.result.id]).toEqual([expect.stringMatching(/^hit/), built.result.id]);
  writeFileSync(join(folder, "a"), "first");
  expect((await lab.build(COPY)).files["n/a"]).toMatch(/ first$/);
});
