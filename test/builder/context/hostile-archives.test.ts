import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { tryArchive } from "../../../builder/copy/archive.ts";
import { BLOCK_BYTES, encodeHeader, paddingOf, type TarHeader } from "../../../store/tar/header.ts";
import { temporaryFolder } from "../../support/root.ts";
import { openLab } from "../lab.ts";

const BASIS = { mode: 0o644, uid: 0, gid: 0, mtime: 1, size: 0 };
const END = Buffer.alloc(2 * BLOCK_BYTES);

type Member = Partial<TarHeader> & { readonly name: string; readonly text?: string };

function member({ text = "", ...header }: Member): Buffer {
  const content = Buffer.from(text);
  return Buffer.concat([encodeHeader({ ...BASIS, type: "file", size: content.length, ...header }), content, Buffer.alloc(paddingOf(content.length))]);
}

function tar(...members: readonly (Member | Buffer)[]): Buffer {
  return Buffer.concat([...members.map((one) => (Buffer.isBuffer(one) ? one : member(one))), END]);
}

/** A PAX header with these records before the next member. */
function pax(records: string): Buffer {
  const header = encodeHeader({ ...BASIS, name: "pax", type: "file", size: records.length });
  header[156] = "x".charCodeAt(0);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([header, Buffer.from(records), Buffer.alloc(paddingOf(records.length))]);
}

const A: Member = { name: "a", text: "A" };
const F = "file 644 0:0";
const D = "directory 755 0:0";

/** what is in the archive, the archive, files below /n */
const applied: readonly (readonly [string, Buffer, Readonly<Record<string, string>>])[] = [
  ["names that climb", tar({ name: "../../../up", text: "U" }, { name: "x/../../../over", text: "O" }), { over: `${F} O`, up: `${F} U` }],
  ["an absolute name", tar({ name: "/etc/passwd", text: "P" }), { etc: D, "etc/passwd": `${F} P` }],
  ["links that lead out, kept as links", tar({ name: "l", type: "symlink", target: "/etc/passwd" }), { l: "symlink 777 0:0 -> /etc/passwd" }],
  ["one name twice", tar(A, { name: "a", text: "B" }), { a: `${F} B` }],
  ["a file and then a folder of its name", tar(A, { name: "a", type: "directory", mode: 0o755 }, { name: "a/b", text: "B" }), { a: D, "a/b": `${F} B` }],
  ["a folder and then a file of its name", tar({ name: "a/b", text: "B" }, A), { a: `${F} A` }],
  ["a link and then a file of its name", tar({ name: "a", type: "symlink", target: "/etc/passwd" }, A), { a: `${F} A` }],
  [
    "a hard link whose target is replaced later",
    tar(A, { name: "b", type: "hardlink", target: "a" }, { name: "a", text: "new" }),
    { a: `${F} new`, b: `${F} A` },
  ],
  ["devices and pipes", tar({ name: "c", type: "character", major: 1, minor: 3 }, { name: "p", type: "fifo" }), { c: "character 644 0:0", p: "fifo 644 0:0" }],
  ["a PAX name over a short one", tar(pax("15 path=longer\n"), A), { longer: `${F} A` }],
  ["PAX records that mean nothing here", tar(pax("20 unknown.key=val\n\n"), A), { a: `${F} A` }],
  ["set-id and large owners", tar({ ...A, mode: 0o6755, uid: 3_000_000, gid: 4_000_000 }), { a: "file 6755 3000000:4000000 A" }],
  ["what follows the end", Buffer.concat([tar(A), Buffer.alloc(4096, 7)]), { a: `${F} A` }],
  ["no end", member(A), { a: `${F} A` }],
];

test.each(applied)("ADD of an archive with %s", async (_, archive, wanted) => {
  await using lab = await openLab();
  writeFileSync(join(lab.context({}), "x.tar"), archive);
  const { files } = await lab.build("FROM scratch\nADD x.tar /n/\n");
  expect(files).toEqual({ n: D, ...Object.fromEntries(Object.entries(wanted).map(([path, what]) => [`n/${path}`, what])) });
});

const broken = Buffer.from(member({ name: "b" }));
broken[0] = 99;

/** what is in the archive, the archive, what is said */
const refused: readonly (readonly [string, Buffer, RegExp])[] = [
  ["a write through a link", tar({ name: "l", type: "symlink", target: "/etc" }, { name: "l/passwd", text: "P" }), /its parent l is a symlink/],
  ["a write through a file", tar(A, { name: "a/b", text: "B" }), /its parent a is a file/],
  ["a hard link to outside", tar(A, { name: "h", type: "hardlink", target: "../../etc/passwd" }), /its target \.\.\/\.\.\/etc\/passwd is not in the archive/],
  ["a hard link to a folder", tar({ name: "d", type: "directory" }, { name: "h", type: "hardlink", target: "d" }), /its target d is a folder/],
  ["a size of eight exbibytes", tar(A, pax("28 size=9223372036854775807\n\n".slice(0, 28)), { name: "big" }), /it would leave/],
  ["a sparse file of an unknown kind", tar(A, pax("22 GNU.sparse.major=1\n"), A), /sparse map is of version 1/],
  ["a sparse file larger than its disk", tar(A, pax("34 GNU.sparse.size=99999999999999\n"), { name: "b" }), /it would leave/],
  ["a PAX record whose length is wrong", tar(A, pax("99 path=x\n"), A), /PAX record is malformed/],
  ["a PAX number that is none", tar(A, pax("9 uid=xy\n"), A), /number|malformed/],
  ["a wrong checksum", Buffer.concat([member(A), broken, END]), /checksum is wrong/],
  ["half a file", tar(A, { name: "b", text: "B".repeat(2000) }).subarray(0, 2000), /ends in the middle/],
  ["the mark of an overlay's removal", tar(A, { name: "c", type: "character", major: 0, minor: 0 }), /0\/0/],
  ["a name that means a removal", tar(A, { name: ".wh.b" }), /mean removals/],
  ["a name with a zero byte", tar(A, pax("13 path=x\0yz\n"), A), /./],
];

test.each(refused)("ADD refuses an archive with %s, and the store stays as it was", async (_, archive, said) => {
  await using lab = await openLab();
  writeFileSync(join(lab.context({}), "x.tgz"), gzipSync(archive));
  await expect(lab.build("FROM scratch\nADD x.tgz /n/\n")).rejects.toMatchObject({
    code: expect.stringMatching(/^[A-Z_]+$/) as string,
    message: expect.stringMatching(said) as string,
  });
  expect([readdirSync(join(lab.store.root, "ingest")), readdirSync(join(lab.store.root, "layers"))]).toEqual([[], []]);
});

test("Two hundred thousand headers of one name are one file", async () => {
  await using lab = await openLab();
  const header = member({ name: "same" });
  writeFileSync(join(lab.context({}), "x.tgz"), gzipSync(Buffer.concat([...Array.from({ length: 200_000 }, () => header), END]), { level: 1 }));
  expect((await lab.build("FROM scratch\nADD x.tgz /n/\n")).files).toEqual({ n: D, "n/same": `${F} ` });
});

test("Whatever is done to a valid tar, it is read below its folder or refused: no crash, no hang, nothing outside", { timeout: 180_000 }, async () => {
  const folder = temporaryFolder();
  try {
    const valid = tar(
      A,
      { name: "d", type: "directory" },
      { name: "d/b", text: "B".repeat(700) },
      { name: "l", type: "symlink", target: "d" },
      { name: "h", type: "hardlink", target: "a" },
      pax("15 path=longer\n"),
      A,
    );
    const change = fc.record({ at: fc.nat(valid.length - 1), value: fc.nat(255), kind: fc.constantFrom("set", "flip", "cut", "repeat", "resum") });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        const file = join(folder, "x.tar");
        writeFileSync(file, changes.reduce(mutate, Buffer.from(valid)));
        const source = await tryArchive(file, { folder: join(folder, "content"), signal: new AbortController().signal }).catch(
          (error: { code: string }) => error.code,
        );
        if (typeof source === "string") expect(source).toBe("ARCHIVE_INVALID");
        else
          for (const { path, file: content } of source?.entries ?? []) {
            expect(path.split("/")).not.toContain("..");
            expect(path.startsWith("/")).toBe(false);
            if (content !== "") expect(content.startsWith(join(folder, "content/")) && existsSync(content)).toBe(true);
          }
      }),
      { seed: 20260102, numRuns: 150 },
    );
    expect(readdirSync(folder).filter((name) => !["owner", "x.tar", "content"].includes(name))).toEqual([]);
  } finally {
    execFileSync("rm", ["-rf", folder]);
  }
});

interface Change {
  readonly at: number;
  readonly value: number;
  readonly kind: string;
}

/** `resum` makes the checksum of a header right again, so that what was changed in it is taken seriously. */
function mutate(bytes: Buffer, { at, value, kind }: Change): Buffer {
  if (bytes.length === 0) return bytes;
  const place = at % bytes.length;
  if (kind === "cut") return bytes.subarray(0, place);
  if (kind === "repeat") return Buffer.concat([bytes.subarray(0, place), bytes.subarray(Math.max(0, place - 4 * value))]);
  const changed = Buffer.from(bytes);
  const start = place - (place % BLOCK_BYTES);
  changed[kind === "resum" ? start + (value % 345) : place] = kind === "flip" ? changed[place]! ^ 0x80 : value;
  if (kind !== "resum" || start + BLOCK_BYTES > changed.length) return changed;
  const sum = changed.subarray(start, start + BLOCK_BYTES).reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, start + 148, "latin1");
  return changed;
}
