import { chmodSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withLab } from "./lab.ts";

const DOCKERFILE =
  'FROM scratch AS one\nWORKDIR /w\nCOPY --chown=5:6 . .\nFROM scratch\nENV a=1\nCOPY --from=one /w/sub /n/\nCOPY <<EOF /inline\n$a\nEOF\nCMD ["x"]\n';
const FILES = { a: "A", run: { text: "R", mode: 0o755 }, "sub/b": "B", "sub/c": "link:b" };

function scramble(folder: string, time: number): void {
  for (const path of ["a", "run", "sub/b", "sub", "."]) utimesSync(join(folder, path), time, time);
}

test("The same input on two roots, at other times and under another umask, gives the same digests", async () => {
  const one = await withLab(async (lab) => {
    scramble(lab.context(FILES), 1_700_000_000);
    return (await lab.build(DOCKERFILE)).result;
  });
  const before = process.umask(0o077);
  try {
    const two = await withLab(async (lab) => {
      const folder = lab.context(FILES);
      for (const [path, mode] of Object.entries({ a: 0o644, run: 0o755, "sub/b": 0o644, sub: 0o755 })) chmodSync(join(folder, path), mode);
      scramble(folder, 1_600_000_000);
      return (await lab.build(DOCKERFILE)).result;
    });
    expect(two.target.digest).toBe(one.target.digest);
    expect(two.config).toEqual(one.config);
  } finally {
    process.umask(before);
  }
});

test("Nothing in an image is younger than the epoch, and 1980 is the default", async () => {
  await withLab(async (lab) => {
    lab.context(FILES);
    const { result } = await lab.build(DOCKERFILE);
    expect(result.config.created).toBe("1980-01-01T00:00:01Z");
    expect(result.config.history?.every(({ created }) => created === "1980-01-01T00:00:01Z")).toBe(true);
    expect(new Set((await lab.layers(result)).flat().map(({ mtime }) => mtime))).toEqual(new Set([315_532_801]));
  });
});

test("SOURCE_DATE_EPOCH keeps older times and cuts younger ones", async () => {
  await withLab(async (lab) => {
    const folder = lab.context({ old: "O", young: "Y" });
    utimesSync(join(folder, "old"), 1000, 1000);
    const { result } = await lab.build("FROM scratch\nCOPY old young /\n", { buildArgs: new Map([["SOURCE_DATE_EPOCH", "1700000000"]]) });
    const [layer] = await lab.layers(result);
    expect(layer?.map(({ path, mtime }) => [path, mtime])).toEqual([
      ["old", 1000],
      ["young", 1_700_000_000],
    ]);
    expect(result.config.created).toBe("2023-11-14T22:13:20Z");
  });
});

test.each([
  { name: "the Dockerfile's default", dockerfile: "ARG SOURCE_DATE_EPOCH=1000000000\n", args: {}, year: 2001 },
  { name: "the command line before the default", dockerfile: "ARG SOURCE_DATE_EPOCH=1000000000\n", args: { SOURCE_DATE_EPOCH: "1100000000" }, year: 2004 },
  { name: "an empty one is none", dockerfile: "ARG SOURCE_DATE_EPOCH\n", args: { SOURCE_DATE_EPOCH: "" }, year: 1980 },
  { name: "the context's own time", dockerfile: "ARG SOURCE_DATE_EPOCH=context\n", args: {}, contextTime: 1_200_000_000, year: 2008 },
  { name: "nothing where the context has no time", dockerfile: "ARG SOURCE_DATE_EPOCH=context\n", args: {}, year: 1980 },
  { name: "the default may be put together", dockerfile: "ARG DAY=86400\nARG SOURCE_DATE_EPOCH=${DAY}000\n", args: {}, year: 1972 },
])("The epoch is taken from $name", async ({ dockerfile, args, year, contextTime }) => {
  await withLab(async (lab) => {
    lab.context({ young: "Y" });
    const { result } = await lab.build(`${dockerfile}FROM scratch\nCOPY young /\n`, { buildArgs: new Map(Object.entries(args)), contextTime });
    const [layer] = await lab.layers(result);
    expect([result.config.created?.slice(0, 4), new Date((layer?.[0]?.mtime ?? 0) * 1000).getUTCFullYear()]).toEqual([String(year), year]);
  });
});
