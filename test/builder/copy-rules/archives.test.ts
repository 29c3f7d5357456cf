import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { openLab } from "../lab.ts";
import { D, F, TREE } from "./tree.ts";

const packers: readonly (readonly [string, (tar: Buffer) => Buffer])[] = [
  ["tar", (tar) => tar],
  ["gzip", (tar) => gzipSync(tar)],
  ["gzip in two members", (tar) => Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))])],
  ["bzip2", (tar) => execFileSync("bzip2", ["-c"], { input: tar })],
  ["xz", (tar) => execFileSync("xz", ["-c"], { input: tar })],
  ["zstd", (tar) => execFileSync("zstd", ["-cq"], { input: tar })],
];

test.each(packers)("4.15 ADD unpacks %s by its content; 4.24 COPY does not; 4.16 --unpack chooses", async (_, pack) => {
  await using lab = await openLab();
  const folder = lab.context(TREE);
  const tar = execFileSync("tar", ["-c", "--owner=5", "--group=6", "--numeric-owner", "--mtime=@99", "-C", join(folder, "d"), "."]);
  writeFileSync(join(folder, "archive"), pack(tar));
  const { files, result } = await lab.build(
    "FROM scratch AS one\nADD archive /n\nCOPY archive /archive\nADD --unpack=false archive /raw\nADD --chown=1:1 archive /o/\nCOPY --unpack archive /c\n" +
      "FROM scratch\nCOPY --from=one /n /n\nCOPY --from=one /o /o\nCOPY --from=one /c /c\nCOPY --from=one /archive /raw /\nCOPY --from=one --unpack /archive /s\n",
  );
  expect(files).toMatchObject({
    "n/x.txt": "file 644 5:6 X",
    "n/sub/z": "file 644 5:6 Z",
    "n/link": "symlink 777 5:6 -> x.txt",
    "o/x.txt": "file 644 1:1 X",
    "c/sub/z": "file 644 5:6 Z",
    "s/y.md": "file 644 5:6 Y",
  });
  expect([files["archive"], files["raw"]].map((what) => what?.slice(0, 12))).toEqual(["file 644 0:0", "file 644 0:0"]);
  expect((await lab.layers(result))[0]?.find(({ path }) => path === "n/x.txt")?.mtime).toBe(99);
});

test("4.15 Folders that an archive only implies are root's, whatever --chown says; listed ones are not", async () => {
  await using lab = await openLab();
  const folder = lab.context(TREE);
  execFileSync("tar", ["-cf", join(folder, "x.tar"), "--owner=5", "--group=6", "-C", folder, "d/sub/z", "--no-recursion", "d/sub"]);
  const { files } = await lab.build("FROM scratch\nADD --chown=7:7 x.tar /n/\n");
  expect(files).toEqual({ n: "directory 755 7:7", "n/d": D, "n/d/sub": "directory 755 7:7", "n/d/sub/z": "file 644 7:7 Z" });
});

test("4.15 An archive's entries replace what is there, and go through the image's links where they imply a folder", async () => {
  await using lab = await openLab();
  const folder = lab.context({ ...TREE, "old/f/in": "I", "old/d": "F", "old/real/k": "K", "old/way": "link:real" });
  mkdirSync(join(folder, "t/d"), { recursive: true });
  for (const [name, text] of [
    ["t/f", "new"],
    ["t/d/e", "E"],
  ] as const)
    writeFileSync(join(folder, name), text);
  mkdirSync(join(folder, "t/way"));
  writeFileSync(join(folder, "t/way/w"), "W");
  execFileSync("tar", ["-cf", join(folder, "x.tar"), "-C", join(folder, "t"), "f", "d", "way/w"]);
  const { files } = await lab.build("FROM scratch\nCOPY old /\nADD x.tar /\n");
  expect(files).toEqual({ d: D, "d/e": `${F} E`, f: `${F} new`, real: D, "real/k": `${F} K`, "real/w": `${F} W`, way: "symlink 777 0:0 -> real" });
});

test("4.15 Sparse files of an archive are whole, and the layer is that of the same archive without holes", async () => {
  await using lab = await openLab();
  const folder = lab.context({});
  mkdirSync(join(folder, "s"));
  execFileSync("sh", ["-c", "truncate -s 3000000 s/hole; printf X | dd of=s/hole bs=1 seek=1000000 conv=notrunc status=none; echo E > s/zend"], {
    cwd: folder,
  });
  const ids = new Set<string>();
  for (const flags of [[], ["--sparse", "--format=gnu"], ["--sparse", "--format=posix"]]) {
    execFileSync("tar", ["-cf", join(folder, "x.tar"), "--mtime=@99", "--owner=0", "--group=0", ...flags, "-C", join(folder, "s"), "hole", "zend"]);
    const { result, files } = await lab.build("FROM scratch\nADD x.tar /n/\n", { noCache: true });
    expect(files["n/zend"]).toBe(`${F} E\n`);
    ids.add(String(result.config.rootfs.diff_ids[0]));
  }
  expect(ids.size).toBe(1);
});

test("4.15 What is packed but no tar is copied as it is, and so is an empty tar", async () => {
  await using lab = await openLab();
  const folder = lab.context({});
  writeFileSync(join(folder, "notes.gz"), gzipSync("only text"));
  writeFileSync(join(folder, "cut.xz"), execFileSync("xz", ["-c"], { input: "only text" }).subarray(0, 30));
  writeFileSync(join(folder, "empty.tar"), Buffer.alloc(10_240));
  const { files } = await lab.build("FROM scratch\nADD notes.gz cut.xz empty.tar /n/\n");
  expect(Object.keys(files)).toEqual(["n", "n/cut.xz", "n/empty.tar", "n/notes.gz"]);
});

test("4.15 An archive that breaks off is refused, and nothing of it stays", async () => {
  await using lab = await openLab();
  const folder = lab.context(TREE);
  const tar = execFileSync("tar", ["-c", "-C", join(folder, "d"), "."]);
  writeFileSync(join(folder, "x.tar"), tar.subarray(0, 3000));
  writeFileSync(join(folder, "x.tgz"), gzipSync(tar).subarray(0, 150));
  for (const name of ["x.tar", "x.tgz"])
    await expect(lab.build(`FROM scratch\nADD ${name} /n/\n`)).rejects.toMatchObject({
      code: "ARCHIVE_INVALID",
      message: expect.stringMatching(/ends in the middle|cut short/) as string,
    });
  expect(execFileSync("ls", [join(lab.store.root, "ingest")], { encoding: "utf8" })).toBe("");
});

test("4.15 Content is not written twice: a layer's file is the one that was unpacked", async () => {
  await using lab = await openLab();
  const folder = lab.context({ "t/a": "A".repeat(5000) });
  linkSync(join(folder, "t/a"), join(folder, "t/b"));
  execFileSync("tar", ["-cf", join(folder, "x.tar"), "--mtime=@99", "-C", join(folder, "t"), "."]);
  const { result } = await lab.build("FROM scratch\nADD x.tar /\n");
  const view = await lab.store.snapshots.view(result.chain);
  const [a, b] = await Promise.all(["a", "b"].map(async (name) => statSync((await view.lookup(name))!.file)));
  expect([a?.ino === b?.ino, a?.nlink, a?.mtimeMs]).toEqual([true, 2, 99_000]);
});
