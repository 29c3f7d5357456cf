import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { digestOf, finish } from "../../store/digest.ts";
import { chainOf } from "../../store/layer/chain.ts";
import { openStore } from "../../store/open.ts";
import type { ChainID, Layer, LayerEntry } from "../../store/store.ts";
import { storeOfEachTest } from "../support/store.ts";
import { treeTool } from "../support/root.ts";
import { mountOverlay } from "./overlay.ts";
import { tree } from "./trees.ts";

const { place, store } = storeOfEachTest();

const META = { mode: 0o755, uid: 0, gid: 0, mtime: 1000 };
const folder = (path: string, more: Partial<LayerEntry> = {}): LayerEntry => ({ ...META, path, type: "directory", ...more });
const file = (path: string, text: string, more: Partial<LayerEntry> = {}): LayerEntry => ({
  ...META,
  mode: 0o644,
  path,
  type: "file",
  size: Buffer.byteLength(text),
  source: { bytes: Buffer.from(text) },
  ...more,
});
const marker = (type: "whiteout" | "opaque", path: string): LayerEntry => ({ path, type, mode: 0, uid: 0, gid: 0, mtime: 0 });

async function gather(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const paths = (entries: readonly LayerEntry[]): readonly string[] => entries.map(({ type, path }) => `${type} ${path}`);

describe("write", () => {
  test("any tree comes back: written, as a tar, applied elsewhere, the same entries and the same digest", async () => {
    const other = await openStore({ root: join(place.runRoot, "other"), treeTool });
    await fc.assert(
      fc.asyncProperty(tree, fc.constantFrom("none" as const, "gzip" as const), async (entries, compression) => {
        const written = await store.snapshots.write(undefined, entries);
        const tar = await gather(store.snapshots.tar(written.chainID));
        expect(digestOf(tar)).toBe(written.diffID);
        expect(tar.length).toBe(written.size);
        const blob = await store.snapshots.blob(written.chainID, compression);
        const applied = await other.snapshots.apply(undefined, blob, written.diffID, store.blobs.open(blob.digest));
        expect(await other.snapshots.entries(applied.chainID)).toEqual(await store.snapshots.entries(written.chainID));
        expect(digestOf(await gather(other.snapshots.tar(applied.chainID)))).toBe(written.diffID);
      }),
      { seed: 20_240_101, numRuns: 40 },
    );
    await other[Symbol.asyncDispose]();
  });

  const unwritable: readonly { readonly name: string; readonly entry: Partial<LayerEntry> & Pick<LayerEntry, "path" | "type"> }[] = [
    { name: "the device that an overlay takes for a removal", entry: { path: "null", type: "character", major: 0, minor: 0 } },
    { name: "a name longer than 255 bytes", entry: { path: `d/${"é".repeat(128)}`, type: "file" } },
  ];
  test.each(unwritable)("$name is refused", async ({ entry }) => {
    await expect(store.snapshots.write(undefined, [{ mode: 0o644, uid: 0, gid: 0, mtime: 0, ...entry }])).rejects.toMatchObject({ code: "LAYER_INVALID" });
  });

  test("the order of the entries does not matter", async () => {
    const entries = [folder("a"), file("a/1", "one"), file("b", "two"), { ...META, path: "a/0", type: "hardlink", target: "b" } as const];
    const first = await store.snapshots.write(undefined, entries);
    const second = await store.snapshots.write(undefined, [...entries].reverse());
    expect(second).toEqual(first);
    expect(paths(await store.snapshots.entries(first.chainID))).toEqual(["directory a", "file a/0", "file a/1", "hardlink b"]);
  });

  test("GNU tar reads the same names, kinds and links", async () => {
    const long = `${"d".repeat(90)}/${"f".repeat(90)}`;
    const { chainID } = await store.snapshots.write(undefined, [
      folder("d".repeat(90)),
      file(long, "x"),
      file("é", "y", { uid: 3_000_000, mtime: 1 }),
      { ...META, path: "link", type: "symlink", target: long },
      { ...META, path: "twin", type: "hardlink", target: "é" },
      { ...META, path: "null", type: "character", major: 1, minor: 3 },
    ]);
    const listing = execFileSync("tar", ["--quoting-style=literal", "--numeric-owner", "-tvf", "-"], {
      input: await gather(store.snapshots.tar(chainID)),
      encoding: "utf8",
      env: { ...process.env, TZ: "UTC", LC_ALL: "C.UTF-8" },
    });
    const lines = listing
      .trimEnd()
      .split("\n")
      .map((line) => line.replaceAll(/ +/g, " "));
    expect(lines).toEqual([
      `drwxr-xr-x 0/0 0 1970-01-01 00:16 ${"d".repeat(90)}/`,
      `-rw-r--r-- 0/0 1 1970-01-01 00:16 ${long}`,
      `lrwxrwxrwx 0/0 0 1970-01-01 00:16 link -> ${long}`,
      "crwxr-xr-x 0/0 1,3 1970-01-01 00:16 null",
      "-rw-r--r-- 3000000/0 1 1970-01-01 00:00 twin",
      "hrw-r--r-- 3000000/0 0 1970-01-01 00:00 é link to twin",
    ]);
  });

  test("parents that stand below are taken along as they are there", async () => {
    const base = await store.snapshots.write(undefined, [folder("etc", { mode: 0o750, uid: 7, gid: 8, mtime: 77 })]);
    const upper = await store.snapshots.write(base.chainID, [file("etc/motd", "hi")]);
    expect((await store.snapshots.entries(upper.chainID))[0]).toMatchObject({ path: "etc", type: "directory", mode: 0o750, uid: 7, gid: 8, mtime: 77 });
  });

  const refused: readonly { readonly name: string; readonly entries: readonly LayerEntry[]; readonly code: string }[] = [
    { name: "a parent that is nowhere", entries: [file("x/y", "")], code: "LAYER_INVALID" },
    { name: "a path that climbs", entries: [file("../x", "")], code: "PATH_ESCAPES" },
    { name: "an absolute path", entries: [file("/x", "")], code: "PATH_ESCAPES" },
    { name: "a dot in the path", entries: [folder("a"), file("a/./x", "")], code: "PATH_ESCAPES" },
    { name: "a name twice", entries: [file("x", "1"), file("x", "2")], code: "LAYER_INVALID" },
    { name: "a name that would read as a removal", entries: [file(".wh.x", "")], code: "LAYER_INVALID" },
    { name: "a hard link to nothing", entries: [{ ...META, path: "x", type: "hardlink", target: "y" }], code: "LAYER_INVALID" },
    { name: "a source that is a link", entries: [{ ...file("x", ""), source: { copy: "/proc/self/exe" } }], code: "ELOOP" },
  ];
  test.each(refused)("refuses $name", async ({ entries, code }) => {
    await expect(store.snapshots.write(undefined, entries)).rejects.toMatchObject({ code });
    expect(readdirSync(join(place.root, "ingest")).filter((name) => !name.endsWith(".writer"))).toEqual([]);
  });

  test("linked sources share the inode with the earlier layer, and never twice within one", async () => {
    const base = await store.snapshots.write(undefined, [file("a", "same", { mtime: 5 })]);
    const source = { link: join(base.folder, "a") };
    const next = await store.snapshots.write(undefined, [
      file("b", "same", { mtime: 5, source }),
      file("c", "same", { mtime: 5, source }),
      file("d", "same", { mtime: 6, source }),
    ]);
    const inode = (layer: Layer, name: string): number => statSync(join(layer.folder, name)).ino;
    expect(inode(next, "b")).toBe(inode(base, "a"));
    expect(inode(next, "c")).not.toBe(inode(base, "a"));
    expect(statSync(join(next.folder, "d")).mtimeMs).toBe(6000);
    expect(statSync(join(base.folder, "a")).mtimeMs).toBe(5000);
    expect(digestOf(await gather(store.snapshots.tar(next.chainID)))).toBe(next.diffID);
  });

  test("two that write the same layer at once both succeed", async () => {
    const other = await openStore({ root: place.root, treeTool });
    const entries = Array.from({ length: 300 }, (_, index) => file(`f${index}`, `content ${index}`));
    const [one, two] = await Promise.all([store.snapshots.write(undefined, entries), other.snapshots.write(undefined, entries)]);
    expect(two).toEqual(one);
    expect(readdirSync(join(place.root, "layers"))).toHaveLength(1);
    await other[Symbol.asyncDispose]();
  });
});

describe("writable snapshots", () => {
  test("what a mounted overlay was changed to becomes a layer, and nothing else", async () => {
    const base = await store.snapshots.write(undefined, [
      folder("dir"),
      file("dir/old", "old"),
      file("gone", "x"),
      folder("replaced"),
      file("replaced/x", "x"),
    ]);
    const active = await store.snapshots.prepare("work/1", base.chainID);
    {
      using mounted = mountOverlay(active);
      writeFileSync(join(mounted.path, "dir/new"), "new");
      execFileSync("sh", ["-ec", "rm gone; rm -r replaced; mkdir replaced; echo 1 > replaced/y; mkfifo pipe; ln dir/new dir/twin; chmod 4755 dir/new"], {
        cwd: mounted.path,
      });
    }
    const layer = await store.snapshots.commit("work/1", { epoch: 2000 });
    expect(layer.chainID).toBe(chainOf(base.chainID, layer.diffID));
    expect(paths(await store.snapshots.entries(layer.chainID))).toEqual([
      "whiteout gone",
      "directory dir",
      "file dir/new",
      "hardlink dir/twin",
      "fifo pipe",
      "directory replaced",
      "opaque replaced",
      "file replaced/y",
    ]);
    expect((await store.snapshots.entries(layer.chainID)).every(({ mtime }) => mtime <= 2000)).toBe(true);
    expect(await store.snapshots.active("work/1")).toBeUndefined();
    expect(digestOf(await gather(store.snapshots.tar(layer.chainID)))).toBe(layer.diffID);

    const again = await store.snapshots.prepare("look", layer.chainID);
    using mounted = mountOverlay(again);
    expect(readdirSync(mounted.path).sort()).toEqual(["dir", "pipe", "replaced"]);
    expect(readdirSync(join(mounted.path, "replaced"))).toEqual(["y"]);
    expect(readFileSync(join(mounted.path, "dir/old"), "utf8")).toBe("old");
  });

  test("an upper without a change is an empty layer; keep leaves it, omit leaves paths out", async () => {
    const active = await store.snapshots.prepare("kept", undefined);
    const empty = await store.snapshots.commit("kept", { keep: true });
    expect(empty.diffID).toBe(digestOf(Buffer.alloc(1024)));
    mkdirSync(join(active.upper, "etc"));
    for (const name of ["hosts", "motd"]) writeFileSync(join(active.upper, "etc", name), name);
    utimesSync(join(active.upper, "etc"), 5, 5);
    const layer = await store.snapshots.commit("kept", { keep: true, omit: ["etc/hosts"], epoch: 9 });
    expect(paths(await store.snapshots.entries(layer.chainID))).toEqual(["directory etc", "file etc/motd"]);
    expect(readdirSync(join(active.upper, "etc"))).toEqual(["hosts", "motd"]);
  });

  test("a key is taken once, its parent must be there, remove is idempotent", async () => {
    await store.snapshots.prepare("one", undefined);
    await expect(store.snapshots.prepare("one", undefined)).rejects.toMatchObject({ code: "SNAPSHOT_EXISTS" });
    await expect(store.snapshots.prepare("two", digestOf("absent"))).rejects.toMatchObject({ code: "SNAPSHOT_UNKNOWN" });
    await expect(store.snapshots.commit("two")).rejects.toMatchObject({ code: "SNAPSHOT_UNKNOWN" });
    await store.snapshots.remove("one");
    await store.snapshots.remove("one");
    expect(await store.snapshots.active("one")).toBeUndefined();
    expect(readdirSync(join(place.root, "active"))).toEqual([]);
  });
});

describe("view", () => {
  let chain: ChainID;

  beforeEach(async () => {
    const base = await store.snapshots.write(undefined, [
      folder("usr"),
      folder("usr/bin"),
      file("usr/bin/sh", "shell"),
      { ...META, path: "bin", type: "symlink", target: "usr/bin" },
      { ...META, path: "out", type: "symlink", target: "../../../../etc/passwd" },
      { ...META, path: "loop", type: "symlink", target: "loop" },
      folder("etc"),
      file("etc/passwd", "root"),
      file("etc/hosts", "h"),
      folder("var"),
      file("var/a", "a"),
    ]);
    const next = await store.snapshots.write(base.chainID, [
      folder("etc", { mode: 0o700 }),
      marker("whiteout", "etc/hosts"),
      folder("var"),
      marker("opaque", "var"),
      file("var/b", "b"),
    ]);
    chain = next.chainID;
  });

  const lookups = [
    { path: "usr/bin/sh", found: "file usr/bin/sh" },
    { path: "/bin/sh", found: "file usr/bin/sh" },
    { path: "bin", found: "directory usr/bin" },
    { path: "etc", found: "directory etc" },
    { path: "etc/hosts", found: undefined },
    { path: "var/a", found: undefined },
    { path: "var/b", found: "file var/b" },
    { path: "out", found: "file etc/passwd" },
    { path: "etc/../../../etc/passwd", found: "file etc/passwd" },
    { path: "loop", found: undefined },
    { path: "etc/passwd/x", found: undefined },
    { path: "", found: "directory " },
  ];
  test.each(lookups)("lookup $path is $found", async ({ path, found }) => {
    const view = await store.snapshots.view(chain);
    const entry = await view.lookup(path);
    expect(entry && `${entry.type} ${entry.path}`).toBe(found);
  });

  test("list and read see what a mount would show", async () => {
    const view = await store.snapshots.view(chain);
    expect([await view.list("/"), await view.list("etc"), await view.list("var"), await view.list("bin"), await view.list("etc/passwd")]).toEqual([
      ["bin", "etc", "loop", "out", "usr", "var"],
      ["passwd"],
      ["b"],
      ["sh"],
      [],
    ]);
    expect(Buffer.from((await view.read("out")) ?? "").toString()).toBe("root");
    expect(await view.read("etc")).toBeUndefined();
    expect((await view.lookup("bin", { follow: false }))?.target).toBe("usr/bin");
    expect((await view.lookup("etc"))?.mode).toBe(0o700);
    expect(await (await store.snapshots.view(undefined)).list("/")).toEqual([]);
  });
});

test("20,000 small files and a big one are written well under their budget", async () => {
  const sources = join(place.runRoot, "sources");
  mkdirSync(sources);
  const entries: LayerEntry[] = [];
  for (let index = 0; index < 20_000; index++) {
    const path = join(sources, String(index));
    writeFileSync(path, `file ${index}\n`.repeat(20));
    entries.push({ ...META, mode: 0o644, path: `f${index}`, type: "file", source: { copy: path } });
  }
  const start = performance.now();
  const layer = await store.snapshots.write(undefined, entries);
  const ms = performance.now() - start;
  expect(readdirSync(layer.folder)).toHaveLength(20_000);
  expect(ms).toBeLessThan(30_000); // 1,000 on an idle machine
  const hash = createHash("sha256");
  for await (const chunk of store.snapshots.tar(layer.chainID)) hash.update(chunk);
  expect(finish(hash)).toBe(layer.diffID);
});

test("links in a layer's folder are never followed", async () => {
  symlinkSync("/etc", join(place.runRoot, "etc"));
  const layer = await store.snapshots.write(undefined, [{ ...META, path: "link", type: "symlink", target: "/etc" }]);
  expect(lstatSync(join(layer.folder, "link")).isSymbolicLink()).toBe(true);
  expect(await store.snapshots.entries(layer.chainID)).toEqual([{ ...META, mode: 0o777, path: "link", type: "symlink", target: "/etc" }]);
});
