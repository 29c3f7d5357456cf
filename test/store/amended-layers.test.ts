/** A layer that is a wide one but for a few paths: the digest of the whole, the files of the whole, and nothing of it lost to a collection. */
import { readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import type { Amendment, Layer, LayerEntry, Store } from "../../store/store.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { mountOverlay } from "./overlay.ts";

const FOLDERS = 20;
const FILES = 60;

let roots: TemporaryRoot[];
let store: Store;

const open = async (): Promise<Store> => {
  const root = temporaryRoot();
  roots.push(root);
  return await openStore({ root: root.root, treeTool });
};

beforeEach(async () => {
  roots = [];
  store = await open();
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  for (const root of roots) root[Symbol.dispose]();
});

const entry = (path: string, more: Partial<LayerEntry> = {}): LayerEntry => ({ path, type: "file", mode: 0o644, uid: 0, gid: 0, mtime: 5, ...more });
const file = (path: string, text: string, more: Partial<LayerEntry> = {}): LayerEntry =>
  entry(path, { size: text.length, source: { bytes: Buffer.from(text) }, ...more });
const folder = (path: string, more: Partial<LayerEntry> = {}): LayerEntry => entry(path, { type: "directory", mode: 0o755, ...more });

const LONG = "n".repeat(120);

/** Wide enough for a list, with names that need more than a plain header. */
function wide(): LayerEntry[] {
  const entries = [folder("srv"), folder(`srv/${LONG}`), file(`srv/${LONG}/x`, "deep"), entry("srv/link", { type: "symlink", mode: 0o777, target: "0/0.txt" })];
  for (let at = 0; at < FOLDERS; at++) {
    entries.push(folder(`srv/${at}`));
    for (let index = 0; index < FILES; index++) entries.push(file(`srv/${at}/${index}.txt`, `${at} ${index}\n`.repeat(index)));
  }
  return entries;
}

function amendedEntries({ entries, removed }: Amendment): LayerEntry[] {
  const given = new Set([...entries.map(({ path }) => path), ...removed]);
  return [...wide().filter(({ path }) => !given.has(path)), ...entries];
}

/** The same layer written whole by a store that knows no other. */
async function whole(changes: Amendment): Promise<{ readonly layer: Layer; readonly entries: readonly LayerEntry[] }> {
  await using other = await open();
  const layer = await other.snapshots.write(undefined, amendedEntries(changes));
  return { layer, entries: await other.snapshots.entries(layer.chainID) };
}

async function amend(changes: Amendment): Promise<Layer> {
  const base = await store.snapshots.write(undefined, wide());
  const layer = await store.snapshots.amend(undefined, base.chainID, changes);
  expect(layer?.over).toBe(base.folder);
  return layer!;
}

const CHANGES: readonly (readonly [name: string, changes: Amendment])[] = [
  ["one file", { entries: [file("srv/7/7.txt", "edited")], removed: [] }],
  ["a mode, an owner, a time", { entries: [file("srv/0/1.txt", "x", { mode: 0o4755, uid: 7, gid: 8, mtime: 99 })], removed: [] }],
  ["a folder's mode", { entries: [folder("srv/3", { mode: 0o2750 })], removed: [] }],
  ["new files first, between and last", { entries: [file("srv/!", "a"), file("srv/3/30a.txt", "b"), file("srv/~", "c"), file("zz", "d")], removed: [] }],
  ["a new folder with a file", { entries: [folder("srv/new"), file("srv/new/x", "y")], removed: [] }],
  ["a long name", { entries: [file(`srv/${LONG}/x`, "deeper"), file(`srv/${LONG}/${LONG}`, "more")], removed: [] }],
  ["a link elsewhere", { entries: [entry("srv/link", { type: "symlink", mode: 0o777, target: "1/1.txt" })], removed: [] }],
  ["a file gone", { entries: [], removed: ["srv/5/5.txt"] }],
  ["a folder gone", { entries: [], removed: ["srv/5", ...Array.from({ length: FILES }, (_, index) => `srv/5/${index}.txt`)] }],
  ["a file renamed", { entries: [file("srv/1/z.txt", "1 2\n1 2\n")], removed: ["srv/1/2.txt"] }],
];

test.each(CHANGES)("%s: as if written whole", async (_, changes) => {
  const expected = await whole(changes);
  const layer = await amend(changes);
  expect([layer.diffID, layer.size]).toEqual([expected.layer.diffID, expected.layer.size]);
  expect(await store.snapshots.entries(layer.chainID)).toEqual(expected.entries);
  for await (const damage of store.care.check()) expect(damage).toBeUndefined();
});

test("any few changes to files: as if written whole", async () => {
  const base = await store.snapshots.write(undefined, wide());
  const path = fc.tuple(fc.integer({ min: 0, max: FOLDERS - 1 }), fc.integer({ min: 0, max: FILES + 5 })).map(([at, index]) => `srv/${at}/${index}.txt`);
  const changed = fc.uniqueArray(fc.record({ path, text: fc.string() }), { selector: (change) => change.path, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(changed, async (files) => {
      const changes = { entries: files.map(({ path: at, text }) => file(at, Buffer.from(text).toString("hex"))), removed: [] };
      const layer = await store.snapshots.amend(undefined, base.chainID, changes);
      expect(layer?.diffID).toBe((await whole(changes)).layer.diffID);
    }),
    { numRuns: 8, seed: 11 },
  );
});

test("it is mounted, looked at and packed as one", async () => {
  const changes = { entries: [file("srv/7/7.txt", "edited"), file("srv/7/new", "new")], removed: ["srv/7/8.txt"] };
  const layer = await amend(changes);
  const view = await store.snapshots.view(layer.chainID);
  expect(Buffer.from((await view.read("srv/7/7.txt"))!).toString()).toBe("edited");
  expect(await view.lookup("srv/7/8.txt")).toBeUndefined();
  using mounted = mountOverlay(await store.snapshots.prepare("m", layer.chainID));
  expect(readFileSync(join(mounted.path, "srv/7/7.txt"), "utf8")).toBe("edited");
  expect(readdirSync(join(mounted.path, "srv/7"))).toHaveLength(FILES);
  expect(statSync(join(mounted.path, "srv/7")).mtimeMs).toBe(5000);
  const blob = await store.snapshots.blob(layer.chainID, "none");
  expect(blob.digest).toBe(layer.diffID);
});

test("a collection keeps the folder below as long as the layer above is held, and takes both after", async () => {
  const layer = await amend({ entries: [file("srv/7/7.txt", "edited")], removed: [] });
  await store.leases.hold("it", { chains: [layer.chainID] });
  const { root } = store;
  await store[Symbol.asyncDispose](); // what this process wrote lately is spared as long as it is at work
  store = await openStore({ root, treeTool });
  await store.care.collect({ cache: true });
  expect([statSync(layer.folder).isDirectory(), statSync(layer.over!).isDirectory()]).toEqual([true, true]);
  await store.leases.release("it");
  await store.care.collect({ cache: true });
  expect(readdirSync(join(root, "layers"))).toEqual([]);
});

const REFUSED: readonly (readonly [name: string, changes: Amendment])[] = [
  ["a folder for a file", { entries: [folder("srv/7/7.txt")], removed: [] }],
  ["a file for a folder", { entries: [file("srv/7", "x")], removed: [] }],
  ["something gone that was never there", { entries: [], removed: ["srv/none"] }],
];
test.each(REFUSED)("%s is left to be written whole", async (_, changes) => {
  const base = await store.snapshots.write(undefined, wide());
  expect(await store.snapshots.amend(undefined, base.chainID, changes)).toBeUndefined();
});

test("what would show again from below is left to be written whole", async () => {
  const parent = await store.snapshots.write(undefined, [folder("srv"), folder("srv/5"), file("srv/5/5.txt", "below")]);
  const base = await store.snapshots.write(parent.chainID, wide());
  expect(await store.snapshots.amend(parent.chainID, base.chainID, { entries: [], removed: ["srv/5/5.txt"] })).toBeUndefined();
});

test("a narrow layer, an amended one and one with a damaged list are no bases", async () => {
  const changes = { entries: [file("srv/7/7.txt", "edited")], removed: [] };
  const narrow = await store.snapshots.write(undefined, [folder("srv"), file("srv/x", "x")]);
  expect(await store.snapshots.amend(undefined, narrow.chainID, changes)).toBeUndefined();
  const layer = await amend(changes);
  expect(await store.snapshots.amend(undefined, layer.chainID, changes)).toBeUndefined();
  const list = join(dirname(layer.over!), "list");
  truncateSync(list, statSync(list).size - 9);
  const base = await store.snapshots.write(undefined, wide());
  expect(await store.snapshots.amend(undefined, base.chainID, changes)).toBeUndefined();
});
