import { expect, test } from "vitest";
import { configDifferences, historyDifferences } from "../../conformance/compare/config.ts";
import { treeDifferences } from "../../conformance/compare/tree.ts";
import type { Entry } from "../../conformance/image/entry.ts";
import { flatten } from "../../conformance/image/flatten.ts";
import type { LayerEntry } from "../../conformance/image/layer.ts";

const file = (content: string, change: Partial<Entry> = {}): Entry => ({
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: content.length,
  content,
  xattrs: [],
  ...change,
});
const folder: Entry = file("", { type: "directory", mode: 0o755 });
const layer = (entries: Readonly<Record<string, Entry | string>>): readonly LayerEntry[] =>
  Object.entries(entries).map(([path, entry]) => (typeof entry === "string" ? { path, kind: "link", to: entry } : { path, kind: "entry", entry }));

const stacks = [
  { name: "an upper file replaces a lower one", layers: [layer({ a: file("1") }), layer({ a: file("2") })], paths: { a: "2" } },
  { name: "a whiteout removes a file", layers: [layer({ a: file("1"), b: file("1") }), layer({ ".wh.a": file("") })], paths: { b: "1" } },
  {
    name: "a whiteout removes a folder with all in it",
    layers: [layer({ d: folder, "d/a": file("1"), dd: file("2") }), layer({ ".wh.d": file("") })],
    paths: { dd: "2" },
  },
  {
    name: "an opaque folder hides what was below, wherever the mark stands in its layer",
    layers: [layer({ d: folder, "d/a": file("1") }), layer({ d: folder, "d/b": file("2"), "d/.wh..wh..opq": file("") })],
    paths: { d: "", "d/b": "2" },
  },
  { name: "a file takes a folder's place", layers: [layer({ d: folder, "d/a": file("1") }), layer({ d: file("2") })], paths: { d: "2" } },
  { name: "a folder above a folder keeps what is in it", layers: [layer({ d: folder, "d/a": file("1") }), layer({ d: folder })], paths: { d: "", "d/a": "1" } },
];

test.each(stacks)("flattened, $name", ({ layers, paths }) => {
  expect(Object.fromEntries([...flatten(layers)].map(([path, { content }]) => [path, content]))).toEqual(paths);
});

const linked = layer({ a: file("1"), b: "a" });
const trees = [
  { name: "nothing", one: linked, other: layer({ a: file("1"), b: "a" }), found: [] },
  { name: "a missing path", one: linked, other: layer({ a: file("1") }), found: ["/b: file ≠ missing"] },
  { name: "a link that became a copy", one: linked, other: layer({ a: file("1"), b: file("1") }), found: ["/b: hard link of a ≠ nothing"] },
  {
    name: "mode and owner",
    one: layer({ a: file("1", { mode: 0o4755, uid: 5 }) }),
    other: layer({ a: file("1") }),
    found: ["/a: mode 4755 ≠ 644", "/a: owner 5:0 ≠ 0:0"],
  },
  { name: "content", one: layer({ a: file("1") }), other: layer({ a: file("2") }), found: ["/a: content 1 ≠ 2"] },
  { name: "an attribute", one: layer({ a: file("1", { xattrs: ["user.x=eQ=="] }) }), other: layer({ a: file("1") }), found: ["/a: xattrs user.x=eQ== ≠ "] },
];

test.each(trees)("trees differ by $name", ({ one, other, found }) => {
  expect(treeDifferences(flatten([one]), flatten([other]))).toEqual(found);
});

test("configurations differ by what is set, not by how nothing is written", () => {
  const rootfs = { diff_ids: [] };
  expect(configDifferences({ rootfs, config: { Cmd: null, Env: ["A=b"], Hostname: "x" } }, { rootfs, config: { Labels: {}, Env: ["A=c"] } })).toEqual([
    'Env ["A=b"] ≠ ["A=c"]',
  ]);
});

test("histories differ line by line, in what made a layer too", () => {
  const rootfs = { diff_ids: [] };
  const one = { rootfs, history: [{ created_by: "ENV A=b", empty_layer: true }, { created_by: "WORKDIR /" }] };
  const other = { rootfs, history: [{ created_by: "ENV A=b", empty_layer: true }, { created_by: "WORKDIR /", empty_layer: true }, { created_by: "USER x" }] };
  expect(historyDifferences(one, other)).toEqual(['history[1] "WORKDIR / ()" ≠ "WORKDIR / (no layer) ()"', 'history[2] nothing ≠ "USER x ()"']);
});
