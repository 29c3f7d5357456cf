/** What layers change and waste: a table of stacks, and the sum that must come out for any stack. */
import { lstatSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stackChanges } from "../../store/layer/changes.ts";
import { openStore } from "../../store/open.ts";
import type { ChainID, LayerEntry, MergedView } from "../../store/store.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { tree } from "./trees.ts";

const META = { mode: 0o644, uid: 0, gid: 0, mtime: 1000 };
const file = (path: string, size: number, more: Partial<LayerEntry> = {}): LayerEntry => ({ ...META, path, type: "file", size, ...more });
const folder = (path: string, more: Partial<LayerEntry> = {}): LayerEntry => ({ ...META, mode: 0o755, path, type: "directory", ...more });
const link = (path: string, target: string): LayerEntry => ({ ...META, path, type: "hardlink", target });
const gone = (path: string): LayerEntry => ({ ...META, path, type: "whiteout" });
const opaque = (path: string): LayerEntry => ({ ...META, path, type: "opaque" });

interface Case {
  readonly name: string;
  readonly layers: readonly (readonly LayerEntry[])[];
  /** Of each layer: letter, path, and what is hidden. */
  readonly changes: readonly (readonly string[])[];
  /** Path, bytes, its layer, the layer that hides it. */
  readonly waste: readonly string[];
}

const cases: readonly Case[] = [
  { name: "one layer adds", layers: [[folder("a"), file("a/b", 3)]], changes: [["A a 0", "A a/b 0"]], waste: [] },
  { name: "a file that is written again", layers: [[file("a", 3)], [file("a", 5)]], changes: [["A a 0"], ["C a 3"]], waste: ["a 3 0 1"] },
  { name: "a file that is removed", layers: [[file("a", 3)], [gone("a")]], changes: [["A a 0"], ["D a 3"]], waste: ["a 3 0 1"] },
  { name: "a removal of nothing", layers: [[gone("a")]], changes: [[]], waste: [] },
  {
    name: "a folder only there for what is in it",
    layers: [[folder("d")], [folder("d", { mtime: 9 }), file("d/x", 1)]],
    changes: [["A d 0"], ["A d/x 0"]],
    waste: [],
  },
  { name: "a folder with another owner", layers: [[folder("d")], [folder("d", { uid: 5 })]], changes: [["A d 0"], ["C d 0"]], waste: [] },
  {
    name: "a folder removed with all that is in it",
    layers: [[folder("d"), file("d/x", 2), folder("d/e"), file("d/e/y", 3)], [gone("d")]],
    changes: [["A d 0", "A d/x 0", "A d/e 0", "A d/e/y 0"], ["D d 5"]],
    waste: ["d/e/y 3 0 1", "d/x 2 0 1"],
  },
  {
    name: "an opaque folder: what is made again is changed, the rest goes",
    layers: [
      [folder("d"), file("d/x", 2), file("d/y", 4)],
      [folder("d"), opaque("d"), file("d/y", 1), file("d/z", 1)],
    ],
    changes: [
      ["A d 0", "A d/x 0", "A d/y 0"],
      ["D d/x 2", "C d/y 4", "A d/z 0"],
    ],
    waste: ["d/y 4 0 1", "d/x 2 0 1"],
  },
  { name: "an opaque root", layers: [[file("a", 2)], [opaque(""), file("b", 1)]], changes: [["A a 0"], ["D a 2", "A b 0"]], waste: ["a 2 0 1"] },
  {
    name: "a folder that becomes a file",
    layers: [[folder("d"), file("d/x", 2)], [file("d", 1)]],
    changes: [["A d 0", "A d/x 0"], ["C d 2"]],
    waste: ["d/x 2 0 1"],
  },
  {
    name: "a file that becomes a folder",
    layers: [[file("d", 2)], [folder("d"), file("d/x", 1)]],
    changes: [["A d 0"], ["C d 2", "A d/x 0"]],
    waste: ["d 2 0 1"],
  },
  {
    name: "one of two names of a file is removed: it is still there",
    layers: [[file("a", 8), link("b", "a")], [gone("a")]],
    changes: [["A a 0", "A b 0"], ["D a 0"]],
    waste: [],
  },
  {
    name: "both names of a file are removed, by two layers",
    layers: [[file("a", 8), link("b", "a")], [gone("a")], [gone("b")]],
    changes: [["A a 0", "A b 0"], ["D a 0"], ["D b 8"]],
    waste: ["b 8 0 2"],
  },
  { name: "a parent that no layer lists", layers: [[file("x/y", 1)], [gone("x")]], changes: [["A x/y 0"], ["D x 1"]], waste: ["x/y 1 0 1"] },
];

const LETTER = { added: "A", changed: "C", removed: "D" } as const;

test.each(cases)("stackChanges of $name", ({ layers, changes, waste }) => {
  const report = stackChanges(layers);
  expect(report.layers.map((layer) => layer.changes.map(({ kind, path, hides }) => `${LETTER[kind]} ${path} ${hides}`))).toEqual(changes);
  expect(report.waste.map(({ path, bytes, layer, hiddenBy }) => `${path} ${bytes} ${layer} ${hiddenBy}`)).toEqual(waste);
});

describe("any stack", () => {
  async function reachable(view: MergedView, path: string, seen: Map<string, number>): Promise<number> {
    for (const name of await view.list(path)) {
      const below = path === "" ? name : `${path}/${name}`;
      const entry = await view.lookup(below, { follow: false });
      if (entry?.type === "directory") await reachable(view, below, seen);
      else if (entry?.type === "file") seen.set(String(lstatSync(entry.file).ino), entry.size ?? 0);
    }
    return [...seen.values()].reduce((total, size) => total + size, 0);
  }

  test("holds the bytes that can be reached and those that are wasted, and no others", { timeout: 180_000 }, async () => {
    using place = temporaryRoot();
    await using store = await openStore({ root: place.root, treeTool });
    await fc.assert(
      fc.asyncProperty(fc.array(tree, { minLength: 1, maxLength: 4 }), async (trees) => {
        const chains: ChainID[] = [];
        for (const entries of trees) chains.push((await store.snapshots.write(chains.at(-1), entries)).chainID);
        const { layers } = stackChanges(await Promise.all(chains.map(async (chain) => await store.snapshots.entries(chain))));
        const bytes = layers.reduce((total, layer) => total + layer.bytes, 0);
        const wasted = layers.reduce((total, layer) => total + layer.wasted, 0);
        const hides = layers.reduce((total, layer) => total + layer.hides, 0);
        expect(hides).toBe(wasted);
        expect(await reachable(await store.snapshots.view(chains.at(-1)), "", new Map())).toBe(bytes - wasted);
      }),
      { seed: 7, numRuns: 60 },
    );
  });
});
