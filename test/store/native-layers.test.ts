/** Two ways to write a layer, one result: in this process for a few files, in the tree tool for many. */
import { mkdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createNatively, sumNatively } from "../../store/layer/create-natively.ts";
import { createLayer } from "../../store/layer/create.ts";
import { entriesOf } from "../../store/layer/folder.ts";
import { normalEntries } from "../../store/layer/normal.ts";
import { scanFolder } from "../../store/native/scan.ts";
import type { LayerEntry } from "../../store/store.ts";
import { temporaryFolder, treeTool } from "../support/root.ts";
import { tree } from "./trees.ts";

let place: string;

beforeEach(() => {
  place = temporaryFolder();
});

afterEach(() => rmSync(place, { recursive: true }));

const emptyFolder = (name: string): string => {
  const path = join(place, name);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path);
  return path;
};

const entry = (path: string, more: Partial<LayerEntry> = {}): LayerEntry => ({ path, type: "file", mode: 0o644, uid: 0, gid: 0, mtime: 5, ...more });

test("any tree: the same tar and the same files", async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (given) => {
      const entries = normalEntries(given);
      const [here, there] = [emptyFolder("here"), emptyFolder("there")];
      const expected = createLayer(treeTool, here, entries);
      expect(await createNatively(treeTool, there, entries)).toEqual(expected);
      const found = entriesOf(await scanFolder(treeTool, there));
      expect(found).toEqual(entriesOf(await scanFolder(treeTool, here)));
      expect(await sumNatively(treeTool, there, found)).toEqual(expected);
    }),
    { numRuns: 60, seed: 7 },
  );
});

const NAMES = [99, 100, 101, 156, 255].map((length) => ({
  name: `${length} bytes`,
  path: length < 200 ? "n".repeat(length) : `${"d".repeat(154)}/${"n".repeat(100)}`,
}));
test.each(NAMES)("a path of $name has the same header", async ({ path }) => {
  const folders = path.includes("/") ? [entry(path.slice(0, path.indexOf("/")), { type: "directory", mode: 0o755 })] : [];
  const entries = [...folders, entry(path, { size: 1, source: { bytes: Buffer.from("x") } }), entry(`${path}-folder`, { type: "directory", mode: 0o2755 })];
  expect(await createNatively(treeTool, emptyFolder("there"), entries)).toEqual(createLayer(treeTool, emptyFolder("here"), entries));
});

test("files are copied, or linked once when all their metadata is the same", async () => {
  const source = join(place, "source");
  writeFileSync(source, "z".repeat(3_000_001));
  utimesSync(source, 5, 5);
  const linked = { size: 3_000_001, source: { link: source } };
  const entries = [entry("a", linked), entry("b", linked), entry("c", { ...linked, mtime: 6 }), entry("d", { size: 3_000_001, source: { copy: source } })];
  const there = emptyFolder("there");
  expect(await createNatively(treeTool, there, entries)).toEqual(createLayer(treeTool, emptyFolder("here"), entries));
  const inode = statSync(source).ino;
  expect(["a", "b", "c", "d"].map((name) => statSync(join(there, name)).ino === inode)).toEqual([true, false, false, false]);
  expect(statSync(join(there, "c")).mtimeMs).toBe(6000);
});

const REFUSED = [
  { name: "is a link", make: (path: string) => symlinkSync("/etc/passwd", path), size: 1, reason: /ELOOP/ },
  { name: "is a folder", make: (path: string) => mkdirSync(path), size: 1, reason: /no plain file/ },
  { name: "shrank", make: (path: string) => writeFileSync(path, "x"), size: 2, reason: /shrank/ },
  { name: "is gone", make: () => undefined, size: 1, reason: /ENOENT/ },
];
test.each(REFUSED)("a source that $name ends it", async ({ make, size, reason }) => {
  const source = join(place, "source");
  make(source);
  await expect(createNatively(treeTool, emptyFolder("there"), [entry("a", { size, source: { copy: source } })])).rejects.toThrow(reason);
});

test("nothing is written through a link of the layer", async () => {
  const outside = emptyFolder("outside");
  const entries = [entry("a", { type: "symlink", target: outside }), entry("a/b", { size: 1, source: { bytes: Buffer.from("x") } })];
  await expect(createNatively(treeTool, emptyFolder("there"), entries)).rejects.toThrow(/ENOENT/);
});
