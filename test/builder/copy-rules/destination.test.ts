import { linkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLab } from "../lab.ts";
import { testRefusals, testRows } from "./lab-tables.ts";
import { D, F, TREE, under, WHOLE_D } from "./tree.ts";

const LINKS = {
  "k/to": "link:/nowhere/yet",
  "k/round": "link:round",
  "l/dir": "link:/real",
  "l/file": "link:../real/target",
  "l/up": "link:../../../../real",
  "m/sub": "file",
  "e/sub/in": "E",
};

testRows(
  [
    ["4.1 several sources into a folder", "COPY a.txt b.txt /n/", { n: D, "n/a.txt": `${F} A`, "n/b.txt": `${F} B` }],
    ["4.1 a folder and a file into a folder", "COPY d/sub a.txt /n/", { n: D, "n/a.txt": `${F} A`, "n/z": `${F} Z` }],
    ["4.1 several matches of one wildcard into .", "WORKDIR /w\nCOPY ?.txt .", { w: D, "w/a.txt": `${F} A`, "w/b.txt": `${F} B` }],
    ["4.6 a file to a new name", "COPY a.txt /new", { new: `${F} A` }],
    ["4.6 a file into a new folder", "COPY a.txt /new/", { new: D, "new/a.txt": `${F} A` }],
    ["4.6 missing parents", "COPY a.txt /p/q/r", { p: D, "p/q": D, "p/q/r": `${F} A` }],
    ["4.6 a file to . of the working folder", "WORKDIR /w\nCOPY a.txt .", { w: D, "w/a.txt": `${F} A` }],
    ["4.6 a file to .. of the working folder", "WORKDIR /w/v\nCOPY a.txt ../", { w: D, "w/v": D, "w/a.txt": `${F} A` }],
    ["4.6 a file to a relative path", "WORKDIR /w\nCOPY a.txt x/y", { w: D, "w/x": D, "w/x/y": `${F} A` }],
    ["4.6 a file onto a folder that is there", "WORKDIR /w\nCOPY a.txt /w", { w: D, "w/a.txt": `${F} A` }],
    [
      "4.6 missing parents take the owner",
      "COPY --chown=7:8 a.txt /p/q/",
      { p: "directory 755 7:8", "p/q": "directory 755 7:8", "p/q/a.txt": "file 644 7:8 A" },
    ],
    [
      "4.6 parents that are there keep theirs",
      "COPY --chown=7 d/sub /p\nCOPY a.txt /p/",
      { p: "directory 755 7:7", "p/z": "file 644 7:7 Z", "p/a.txt": `${F} A` },
    ],
    ["4.5 a file over a file", "COPY a.txt /n\nCOPY b.txt /n", { n: `${F} B` }],
    ["4.5 folders are merged", "COPY d/sub /n\nCOPY a.txt /n/", { n: D, "n/z": `${F} Z`, "n/a.txt": `${F} A` }],
    ["4.5 a folder over the same one gives it its mode", "COPY --chmod=700 d /n\nCOPY d /n", under("n", WHOLE_D)],
  ],
  LINKS,
);

testRows(
  [
    [
      "4.7 parents of the destination are followed inside the root",
      "WORKDIR /real\nCOPY l /l\nCOPY a.txt /l/dir/one\nCOPY b.txt /l/up/",
      {
        l: D,
        "l/dir": "symlink 777 0:0 -> /real",
        "l/file": "symlink 777 0:0 -> ../real/target",
        "l/up": "symlink 777 0:0 -> ../../../../real",
        real: D,
        "real/one": `${F} A`,
        "real/b.txt": `${F} B`,
      },
    ],
    [
      "4.7 a link to nothing on the way stands for the folder that it names",
      "COPY k /k\nCOPY a.txt /k/to/sub/",
      {
        k: D,
        "k/round": "symlink 777 0:0 -> round",
        "k/to": "symlink 777 0:0 -> /nowhere/yet",
        nowhere: D,
        "nowhere/yet": D,
        "nowhere/yet/sub": D,
        "nowhere/yet/sub/a.txt": `${F} A`,
      },
    ],
  ],
  LINKS,
);

testRefusals(
  [
    ["4.1 several sources to a plain name", "COPY a.txt b.txt /n", "COPY_CONFLICT", /must be a folder and end with \//],
    ["4.1 a wildcard with several matches to a plain name", "COPY *.txt /n", "COPY_CONFLICT", /must end with \//],
    ["4.5 a folder over a file", "COPY a.txt /n\nCOPY d /n", "COPY_CONFLICT", /there is a file already/],
    ["4.5 a folder over a file inside", "COPY m /n\nCOPY e /n", "COPY_CONFLICT", /Cannot copy a folder to \/n\/sub: there is a file already/],
    ["4.5 a file over a folder inside", "COPY e /n\nCOPY m /n", "COPY_CONFLICT", /Cannot copy a file to \/n\/sub: there is a folder already/],
    ["4.5 a folder over a link", "COPY d/link /n/sub\nCOPY d /n", "COPY_CONFLICT", /Cannot copy a folder to \/n\/sub/],
    ["4.7 a link to itself on the way", "COPY k /k\nCOPY a.txt /k/round/", "COPY_CONFLICT", /Cannot make folder \/k\/round: it is a link that leads to itself/],
    ["4.6 a file where a parent should be", "COPY a.txt /n\nCOPY b.txt /n/b", "COPY_CONFLICT", /Cannot make folder \/n: there is a file already/],
  ],
  LINKS,
);

test("4.7 A destination that is a link to a file is written through", async () => {
  await using lab = await openLab();
  lab.context({ ...TREE, ...LINKS });
  const { files } = await lab.build("FROM scratch\nWORKDIR /real\nCOPY l /l\nCOPY a.txt /l/file\nCOPY b.txt /l/file\n");
  expect(files).toMatchObject({ "real/target": `${F} B`, "l/file": "symlink 777 0:0 -> ../real/target" });
});

test("4.6 A layer repeats the folders on the way as they are below", async () => {
  await using lab = await openLab();
  lab.context(TREE);
  const { result } = await lab.build("FROM scratch\nCOPY --chown=3:4 d /p\nCOPY a.txt /p/sub/\n");
  expect((await lab.layers(result))[1]?.map(({ path, mode, uid, gid }) => [path, mode, uid, gid])).toEqual([
    ["p", 0o755, 3, 4],
    ["p/sub", 0o755, 3, 4],
    ["p/sub/a.txt", 0o644, 0, 0],
  ]);
});

test("4.23 Hard links inside a copied folder stay links, ten of them, from a stage too", async () => {
  await using lab = await openLab();
  const folder = lab.context(TREE);
  for (let at = 0; at < 9; at++) linkSync(join(folder, "d/x.txt"), join(folder, `d/z${at}`));
  const { result } = await lab.build("FROM scratch AS one\nCOPY d /n\nFROM scratch\nCOPY --from=one /n /m\n");
  const [layer] = await lab.layers(result);
  expect(layer?.filter(({ type, target }) => type === "hardlink" && target === "m/x.txt")).toHaveLength(9);
});
