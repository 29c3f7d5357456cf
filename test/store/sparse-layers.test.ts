/** Sparse files in tars of other writers: their content whole, their holes still holes, and maps that lie refused. */
import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { StoreError } from "../../store/errors.ts";
import { TarReader } from "../../store/tar/reader.ts";
import type { Layer } from "../../store/store.ts";
import { storeOfEachTest } from "../support/store.ts";
import { paxMember, tarOf, type Member } from "./tars.ts";

const { place, store } = storeOfEachTest();

async function apply(tar: Buffer): Promise<Layer> {
  const blob = await store.blobs.put(tar);
  return await store.snapshots.apply(undefined, { mediaType: MEDIA_TYPE.layerTar, ...blob }, digestOf(tar));
}

const STEP = 64 << 10;
const LONG_NAME = `${"long/".repeat(30)}name`;

/** A page of data in every second step, `parts` of them, then a hole. */
function writeSparse(file: string, parts: number): void {
  const fd = openSync(file, "w", 0o640);
  for (let part = 0; part < parts; part++) writeSync(fd, Buffer.alloc(4096, `part ${part} `), 0, 4096, part * 2 * STEP);
  ftruncateSync(fd, parts * 2 * STEP + 12345);
  closeSync(fd);
}

const formats: readonly (readonly [string, ...string[]])[] = [
  ["GNU", "--format=gnu"],
  ["PAX 0.0", "--format=posix", "--sparse-version=0.0"],
  ["PAX 0.1", "--format=posix", "--sparse-version=0.1"],
  ["PAX 1.0", "--format=posix", "--sparse-version=1.0"],
];

test.each(formats)("A layer with sparse files in the form %s", async (_, ...flags) => {
  const folder = join(place.runRoot, "files");
  mkdirSync(join(folder, "long/".repeat(30)), { recursive: true });
  for (const [name, parts] of Object.entries({ few: 2, many: 60, hole: 0, [LONG_NAME]: 5 })) writeSparse(join(folder, name), parts);
  writeFileSync(join(folder, "last"), "last");
  const tar = execFileSync("tar", ["-c", "--sparse", ...flags, "-C", folder, "few", "many", "hole", LONG_NAME, "last"], { maxBuffer: 64 << 20 });
  const layer = await apply(tar);
  for (const name of ["few", "many", "hole", LONG_NAME, "last"]) {
    const [before, after] = [join(folder, name), join(layer.folder, name)];
    expect(readFileSync(after).equals(readFileSync(before)), name).toBe(true);
    if (name !== "last") expect(statSync(after).blocks * 512).toBeLessThan(statSync(after).size / 4);
    expect(statSync(after).mode).toBe(statSync(before).mode);
  }
});

test("A terabyte without data takes no room", async () => {
  const layer = await apply(tarOf(paxMember({ "GNU.sparse.size": String(2 ** 40), "GNU.sparse.map": "" }), { name: "f" }, { name: "g", text: "g" }));
  const { size, blocks } = statSync(join(layer.folder, "f"));
  expect([size, blocks, readFileSync(join(layer.folder, "g"), "utf8")]).toEqual([2 ** 40, 0, "g"]);
});

const old = (map: Readonly<Record<string, string>>, text = "x".repeat(10)): readonly Member[] => [
  paxMember(Object.fromEntries(Object.entries(map).map(([key, value]) => [`GNU.sparse.${key}`, value]))),
  { name: "f", text },
];
const inContent = (content: string): readonly Member[] => old({ major: "1", minor: "0", name: "f", realsize: "100" }, content);

/** name, members, what is said of f */
const lies: readonly (readonly [string, readonly Member[], RegExp])[] = [
  ["parts that overlap", old({ size: "100", map: "0,5,4,5" }), /overlap/],
  ["parts out of order", old({ size: "100", map: "50,5,0,5" }), /overlap or are out of order/],
  ["a part beyond the size", old({ size: "100", map: "95,10" }), /beyond its size of 100/],
  ["a part whose end overflows", old({ size: "100", map: "9007199254740991,10" }), /beyond its size/],
  ["less data than its parts", old({ size: "100", map: "0,50" }), /map is of 50 bytes, and the archive has 10/],
  ["more data than its parts", old({ size: "100", map: "0,5" }), /map is of 5 bytes/],
  ["an offset without a length", old({ size: "100", map: "0,10,20" }), /no length/],
  ["words for numbers", old({ size: "100", map: "zero,10" }), /no number/],
  ["a negative number", old({ size: "100", map: "-5,10" }), /no number/],
  ["no size", old({ map: "0,10" }), /real size is no number/],
  ["a size past all numbers", old({ size: "99999999999999999999", map: "0,10" }), /real size is no number/],
  ["an unknown version", old({ major: "2", minor: "0", realsize: "100" }), /version 2.0/],
  ["a map that does not end", inContent("3\n0\n"), /does not end/],
  ["a map of endless parts", inContent(`99999999\n${"1\n".repeat(700_000)}`), /does not end/],
  ["a map that begins with no number", inContent("many\n".padEnd(512, "\0")), /how many parts/],
  ["a folder with a map", [...old({ size: "100", map: "0,10" }).slice(0, 1), { name: "f", type: "directory" }], /sparse map/],
];

test.each(lies)("A sparse file with %s is refused by name", async (_, members, said) => {
  await expect(apply(tarOf(...members))).rejects.toMatchObject({ code: "LAYER_INVALID", message: expect.stringMatching(said) as string });
  await expect(apply(tarOf(...members))).rejects.toThrow(/\bf\b/);
});

test("Whatever is done to a sparse tar, its parts lie in their file and are what the archive has, or it is refused", () => {
  const valid = Buffer.concat([
    tarOf(...old({ size: "100", map: "0,5,50,5" }), ...inContent(`2\n0\n5\n50\n5\n`.padEnd(512, "\0") + "x".repeat(10))).subarray(0, -1024),
    tarOf({ name: "last", text: "last" }),
  ]);
  const change = fc.record({ at: fc.nat(valid.length - 1), value: fc.nat(255) });
  const attempt = (changes: readonly { readonly at: number; readonly value: number }[]): void => {
    const bytes = Buffer.from(valid);
    for (const { at, value } of changes) bytes[at] = value;
    for (let at = 0; at < bytes.length; at += 512) if (bytes.toString("latin1", at + 257, at + 262) === "ustar") resum(bytes.subarray(at, at + 512));
    const tar = new TarReader([bytes.subarray(0, 700), bytes.subarray(700)]);
    for (let member = tar.next(); member !== undefined; member = tar.next()) {
      const stored = [...tar.content()].reduce((sum, { length }) => sum + length, 0);
      expect(stored).toBe(member.segments === undefined ? member.size : member.segments.reduce((sum, { length }) => sum + length, 0));
      for (const { offset, length } of member.segments ?? []) expect(offset >= 0 && offset + length <= member.size).toBe(true);
    }
  };
  attempt([]);
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
      try {
        attempt(changes);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        expect(error.code).toBe("LAYER_INVALID");
      }
    }),
    { seed: 20260304, numRuns: 3000 },
  );
});

function resum(block: Buffer): void {
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}
