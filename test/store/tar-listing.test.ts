/** A layer's entries, read from its tar without unpacking. */
import { pack, type Header } from "tar-stream";
import { expect, test } from "vitest";
import { listTar, type ListingBudget } from "../../store/layer/tar-listing.ts";
import { TarReader } from "../../store/tar/reader.ts";

type Entry = readonly [header: Partial<Header> & Pick<Header, "name">, content?: string];

async function list(entries: readonly Entry[], budget: ListingBudget = { entries: 100, characters: 10_000, parts: 1000 }): Promise<readonly string[]> {
  const tar = pack();
  for (const [header, content = ""] of entries) tar.entry(header, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return listTar(new TarReader(chunks), budget).map(({ type, path, size, target }) =>
    [type, path, size, target].filter((part) => part !== undefined).join(" "),
  );
}

const cases: readonly { name: string; entries: readonly Entry[]; want: readonly string[] }[] = [
  {
    name: "reads names from the root, however they are written",
    entries: [[{ name: "./" }], [{ name: "./a/", type: "directory" }], [{ name: "/a//b" }, "four"]],
    want: ["directory a", "file a/b 4"],
  },
  {
    name: "takes the later of two entries of one name",
    entries: [
      [{ name: "a" }, "1"],
      [{ name: "a" }, "333"],
    ],
    want: ["file a 3"],
  },
  {
    name: "tells what removals mean",
    entries: [[{ name: "a/.wh.b" }], [{ name: "c/.wh..wh..opq" }], [{ name: ".wh..wh.plnk/1" }], [{ name: ".wh..wh.aufs" }]],
    want: ["whiteout a/b", "opaque c"],
  },
  {
    name: "takes a folder that is removed and made again for one that hides what was in it",
    entries: [[{ name: ".wh.a" }], [{ name: "a/", type: "directory" }], [{ name: ".wh.f" }], [{ name: "f" }, "x"]],
    want: ["opaque a", "directory a", "file f 1"],
  },
  {
    name: "keeps the targets of links",
    entries: [[{ name: "a" }, "x"], [{ name: "b", type: "link", linkname: "./a" }], [{ name: "c", type: "symlink", linkname: "../../a" }]],
    want: ["file a 1", "hardlink b a", "symlink c ../../a"],
  },
];
test.each(cases)("a listing $name", async ({ entries, want }) => expect(await list(entries)).toEqual(want));

test("folders that the path before has too are not counted again", async () => {
  const names = ["a/b/c/d", "a/b/c/e", "a/b/x"];
  expect(
    await list(
      names.map((name) => [{ name }]),
      { entries: 3, characters: 100, parts: 6 },
    ),
  ).toHaveLength(3);
  await expect(
    list(
      names.map((name) => [{ name }]),
      { entries: 3, characters: 100, parts: 5 },
    ),
  ).rejects.toThrow("too many files");
});

test.each([
  ["leads out of the layer", [[{ name: "a/../../b" }]], undefined],
  ["its path is too long", [[{ name: "a/".repeat(2500) + "b" }]], undefined],
  ["too many files", [[{ name: "a" }], [{ name: "b" }], [{ name: "c" }]], { entries: 2, characters: 100, parts: 9 }],
  ["too many files", [[{ name: "long-name" }]], { entries: 2, characters: 5, parts: 9 }],
  ["too many files", [[{ name: "a/b/c/d" }], [{ name: "a/b/x/y" }]], { entries: 2, characters: 100, parts: 5 }],
] as const)("refuses what %s", async (reason, entries, budget) => {
  await expect(list(entries as readonly Entry[], budget && { ...budget })).rejects.toThrow(reason);
});
