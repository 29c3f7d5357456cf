/** strata image diff on built and on foreign images: layer by layer, waste, two images beside each other. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { openStore } from "../../store/open.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import type { Layer } from "../../store/store.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { tarOf } from "../store/tars.ts";

let place: TemporaryRoot;
const strata = async (...args: readonly string[]): Promise<string> => await strataOutput(place, ...args);

beforeAll(async () => {
  place = temporaryRoot();
  await build(
    "one",
    { "app/main": "one", "app/big": "x".repeat(5000) },
    'FROM scratch\nENV A=1 B=2\nCOPY app /app/\nCOPY app/big /app/big\nLABEL l="1"\nCMD ["a"]\n',
  );
  await build("two", { "app/main": "two", "app/big": "x".repeat(5000) }, 'FROM scratch\nENV A=1 B=3\nCOPY app /app/\nCOPY app/main /main\nCMD ["b"]\n');
  await using store = await openStore({ root: place.root, treeTool });
  const tars = [
    tarOf(
      { name: "etc/", type: "directory", mode: 0o755 },
      { name: "etc/a", text: "12345" },
      { name: "etc/b", type: "hardlink", target: "etc/a" },
      { name: "keep", text: "k" },
    ),
    tarOf({ name: "etc/.wh..wh..opq" }, { name: "etc/c", text: "1" }),
    tarOf({ name: "bad\u001b[31mname", text: "x" }),
  ];
  const layers: Layer[] = [];
  for (const tar of tars)
    layers.push(await store.snapshots.apply(layers.at(-1)?.chainID, { mediaType: MEDIA_TYPE.layerTar, ...(await store.blobs.put(tar)) }, digestOf(tar)));
  const config = { os: "linux", architecture: "amd64", rootfs: { type: "layers" as const, diff_ids: layers.map(({ diffID }) => diffID) } };
  await store.images.tag("foreign", await store.images.assemble(layers, config));
});
afterAll(() => place[Symbol.dispose]());

async function build(name: string, files: Readonly<Record<string, string>>, dockerfile: string): Promise<void> {
  const folder = join(place.runRoot, name);
  mkdirSync(join(folder, "app"), { recursive: true });
  for (const [path, text] of Object.entries({ ...files, Dockerfile: dockerfile })) writeFileSync(join(folder, path), text);
  await strata("build", "-q", "-t", name, folder);
}

test("an image shows each layer with its instruction, and what is wasted", async () => {
  const lines = (await strata("image", "diff", "one")).split("\n");
  expect(lines).toEqual([
    expect.stringMatching(/^Layer 1 [0-9a-f]{12} 5kB COPY app \/app\/ # buildkit$/),
    "  1 A          /app/",
    "  1 A      5kB /app/big",
    "  1 A       3B /app/main",
    "    3 added, 0 changed, 0 removed, 5kB of it hidden by later layers",
    expect.stringMatching(/^Layer 2 [0-9a-f]{12} 5kB COPY app\/big \/app\/big # buildkit$/),
    "  2 C      5kB /app/big (was 5kB)",
    "    0 added, 1 changed, 0 removed, hides 5kB of layers below",
    "2 layers, 10kB, of it 5kB wasted",
    "       5kB /app/big of layer 1, hidden by layer 2",
  ]);
});

test("of a foreign image opaque folders and hard links are understood, and no name drives the terminal", async () => {
  const text = await strata("image", "diff", "foreign");
  expect(text).toContain("2 D       0B /etc/a\n  2 D       5B /etc/b\n  2 A       1B /etc/c");
  expect(text).toContain(String.raw`/bad\x1b[31mname`);
  expect(text).not.toContain("\u001b");
  const { layers, wasted } = JSON.parse(await strata("image", "diff", "-o", "json", "foreign")) as { wasted: number; layers: readonly { wasted: number }[] };
  expect([wasted, layers.map((layer) => layer.wasted)]).toEqual([5, [5, 0, 0]]);
});

test("two images: configuration, layers beside each other, files whose content alone differs", async () => {
  expect((await strata("image", "diff", "one", "two")).split("\n")).toEqual([
    "Configuration:",
    '  Cmd: ["a"] → ["b"]',
    '  Env B: "2" → "3"',
    '  Labels l: "1" → (none)',
    "Layers:",
    "~   1   1 5kB → 5kB COPY app /app/ # buildkit",
    "      C       3B /app/main",
    "-   2     5kB COPY app/big /app/big # buildkit",
    "      C      5kB /app/big (was 5kB)",
    "+       2 3B COPY app/main /main # buildkit",
    "      A       3B /main",
    "Files:",
    "  C       3B /app/main",
    "  A       3B /main",
    "one: 2 layers, 10kB, of it 5kB wasted",
    "two: 2 layers, 5.01kB, of it 0B wasted",
  ]);
  const json = JSON.parse(await strata("image", "diff", "-o", "json", "one", "two")) as { layers: readonly { state: string }[]; files: readonly unknown[] };
  expect(json.layers.map(({ state }) => state)).toEqual(["changed", "removed", "added"]);
  expect(json.files).toEqual([
    { kind: "changed", path: "app/main", before: 3, after: 3 },
    { kind: "added", path: "main", after: 3 },
  ]);
});

test("images with no layer in common are compared as well, and an image with itself says nothing", async () => {
  expect(await strata("image", "diff", "one", "one")).toBe("");
  const text = await strata("image", "diff", "one", "foreign");
  expect(text).toMatch(/^- {3}1 {5}5kB COPY/m);
  expect(text).toMatch(/^\+ {7}1 6B$/m);
  expect(text).toContain("  D          /app\n");
  expect(await runStrata(place, ["image", "diff", "one", "absent"])).toMatchObject({ status: 1, stderr: expect.stringContaining("absent") as string });
});
