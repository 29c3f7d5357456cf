import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { chmodSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testImage } from "../support/image.ts";
import { ignoring, openLab, type Files, type Lab } from "./lab.ts";

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

const TREE: Files = {
  "a.txt": "A",
  "b.txt": "B",
  ".hidden": "H",
  run: { text: "#!", mode: 0o755 },
  "d/x.txt": "X",
  "d/y.md": "Y",
  "d/sub/z": "Z",
  "d/link": "link:x.txt",
  alias: "link:d",
  "n?pe": "Q",
  "[x]": "I",
  "out/escape": "link:../../../../etc/passwd",
};

const F = "file 644 0:0";
const D = "directory 755 0:0";
const SUB = { sub: D, "sub/z": `${F} Z` };
const under = (prefix: string, files: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(files).map(([path, what]) => [path === "" ? prefix : `${prefix}/${path}`, what]));
const WHOLE_D = { "": D, link: "symlink 777 0:0 -> x.txt", ...SUB, "x.txt": `${F} X`, "y.md": `${F} Y` };

/** name, instructions after FROM scratch, files wanted */
const rules: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ["a file to a new name", "COPY a.txt /new", { new: `${F} A` }],
  ["a file into a folder", "COPY a.txt /new/", { new: D, "new/a.txt": `${F} A` }],
  ["a file to . of the working folder", "WORKDIR /w\nCOPY a.txt .", { w: D, "w/a.txt": `${F} A` }],
  ["a file to a relative path", "WORKDIR /w\nCOPY a.txt x/y", { w: D, "w/x": D, "w/x/y": `${F} A` }],
  ["a file onto a folder that is there", "WORKDIR /w\nCOPY a.txt /w", { w: D, "w/a.txt": `${F} A` }],
  ["several files into a folder", "COPY a.txt b.txt /n/", { n: D, "n/a.txt": `${F} A`, "n/b.txt": `${F} B` }],
  ["what a folder holds, not itself", "COPY d /n", under("n", WHOLE_D)],
  ["what a folder holds, with slashes", "COPY d/ /n/", under("n", WHOLE_D)],
  ["what a folder holds into the root", "COPY d /", Object.fromEntries(Object.entries(WHOLE_D).filter(([path]) => path !== ""))],
  ["a source that is a link to a folder, followed", "COPY alias /n", under("n", WHOLE_D)],
  ["a source that is a link to a file, followed", "COPY d/link /n/", { n: D, "n/link": `${F} X` }],
  ["a path through a link", "COPY alias/x.txt /n", { n: `${F} X` }],
  [
    "wildcards match names with dots first",
    "COPY *i* /n/",
    under("n", { "": D, ".hidden": `${F} H`, ...Object.fromEntries(Object.entries(WHOLE_D).filter(([path]) => path !== "")) }),
  ],
  ["a question mark matches one character", "COPY ?.txt /n/", { n: D, "n/a.txt": `${F} A`, "n/b.txt": `${F} B` }],
  ["an escaped wildcard is literal", "COPY n\\?pe /n/", { n: D, "n/n?pe": `${F} Q` }],
  ["an escaped bracket is literal", "COPY [[]x] /n/", { n: D, "n/[x]": `${F} I` }],
  ["wildcards in folders", "COPY */*.txt /n/", { n: D, "n/x.txt": `${F} X` }],
  ["a wildcard without a match copies nothing", "COPY *.none /n/\nCOPY a.txt /", { "a.txt": `${F} A` }],
  [".. and a leading slash stop at the context", "COPY ../../a.txt /b.txt /n/", { n: D, "n/a.txt": `${F} A`, "n/b.txt": `${F} B` }],
  ["a link inside a folder is copied as it is", "COPY out /n", { n: D, "n/escape": "symlink 777 0:0 -> ../../../../etc/passwd" }],
  ["modes are kept", "COPY run /n", { n: "file 755 0:0 #!" }],
  [
    "--chown with numbers reaches new folders",
    "COPY --chown=7:8 a.txt /p/q/",
    { p: "directory 755 7:8", "p/q": "directory 755 7:8", "p/q/a.txt": "file 644 7:8 A" },
  ],
  ["--chown with one number", "COPY --chown=7 a.txt /n", { n: "file 644 7:7 A" }],
  ["--chmod for files and folders in a folder", "COPY --chmod=700 d/sub /n", { n: D, "n/z": "file 700 0:0 Z" }],
  ["--chmod with set-id", "COPY --chmod=4711 a.txt /n", { n: "file 4711 0:0 A" }],
  ["--exclude counts from the source", "COPY --exclude=*.md --exclude=sub d /n", { n: D, "n/link": "symlink 777 0:0 -> x.txt", "n/x.txt": `${F} X` }],
  ["--exclude takes back", "COPY --exclude=* --exclude=!y.md d /n", { n: D, "n/y.md": `${F} Y` }],
  ["--parents keeps the way", "COPY --parents d/sub/z /n/", { n: D, "n/d": D, "n/d/sub": D, "n/d/sub/z": `${F} Z` }],
  ["--parents from the pivot", "COPY --parents d/./sub/z /n/", { n: D, "n/sub": D, "n/sub/z": `${F} Z` }],
  ["--link is accepted", "COPY --link a.txt /n", { n: `${F} A` }],
  ["a heredoc", 'ENV V=1\nCOPY <<EOF /n\nv=$V "q" \\$V\nEOF', { n: `${F} v=1 "q" $V\n` }],
  ["a quoted heredoc", "COPY <<'EOF' /n/\n$V\nEOF", { n: D, "n/EOF": `${F} $V\n` }],
  ["two heredocs", "COPY <<a <<-b /n/\n1\na\n\t2\n\tb", { n: D, "n/a": `${F} 1\n`, "n/b": `${F} 2\n` }],
  ["variables in paths", "ARG S=a\nENV T=n\nCOPY ${S}.txt /$T", { n: `${F} A` }],
  ["JSON form with blanks", 'COPY ["a.txt", "/two words"]', { "two words": `${F} A` }],
  ["a file over a file", "COPY a.txt /n\nCOPY b.txt /n", { n: `${F} B` }],
  ["folders merged", "COPY d/sub /n\nCOPY a.txt /n/", { n: D, "n/z": `${F} Z`, "n/a.txt": `${F} A` }],
  ["a new subfolder over the same one gets its mode", "COPY --chmod=700 d /n\nCOPY d /n", under("n", WHOLE_D)],
];

test.each(rules)("COPY: %s", async (_, instructions, wanted) => {
  lab.context(TREE);
  const { files } = await lab.build(`FROM scratch\n${instructions}\n`);
  expect(files).toEqual(wanted);
});

/** name, instructions, code, message */
const refusals: readonly (readonly [string, string, string, RegExp])[] = [
  ["a file that is not there", "COPY a.tx /n", "SOURCE_UNKNOWN", /\/a\.tx in the build context: not found/],
  ["several sources to a plain name", "COPY a.txt b.txt /n", "COPY_CONFLICT", /must be a folder and end with \//],
  ["a wildcard with several matches to a plain name", "COPY *.txt /n", "COPY_CONFLICT", /must end with \//],
  ["a folder over a file", "COPY a.txt /n\nCOPY d /n", "COPY_CONFLICT", /there is a file already/],
  ["a file over a folder inside a folder", "COPY d /n\nCOPY a.txt /m/sub\nCOPY --from=0 / /\nCOPY d /m/sub/x\n", "STAGE_CYCLE", /the stage itself/],
  ["a folder over a link", "COPY d/link /n/sub\nCOPY d /n", "COPY_CONFLICT", /Cannot copy a folder to \/n\/sub/],
  ["a link out of the context", "COPY out/escape /n", "SOURCE_UNKNOWN", /not found/],
  ["an unknown user", "COPY --chown=nobody a.txt /n", "USER_UNKNOWN", /user nobody/],
  ["symbolic --chmod", "COPY --chmod=u+x a.txt /n", "FLAG_INVALID", /octal/],
  ["ADD of a git repository", "ADD https://127.0.0.1/x.git /n", "UNSUPPORTED", /git/],
];

test.each(refusals)("COPY refuses %s", async (_, instructions, code, message) => {
  lab.context({ ...TREE, "m/sub": "file" });
  await expect(lab.build(`FROM scratch\n${instructions}\n`)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
    place: expect.anything() as object,
  });
});

test("A near name is suggested", async () => {
  lab.context(TREE);
  await expect(lab.build("FROM scratch\nCOPY d/x.tx /n\n")).rejects.toMatchObject({ hint: "Did you mean d/x.txt?" });
});

test("An ignored file is said to be ignored", async () => {
  lab.context(TREE);
  await expect(lab.build("FROM scratch\nCOPY a.txt /n\n", ignoring("*.txt"))).rejects.toMatchObject({
    hint: "/a.txt is there, but the ignore file leaves it out",
  });
});

test("Ignored files are not copied, and taken back ones are, with their folders", async () => {
  lab.context(TREE);
  const { files } = await lab.build("FROM scratch\nCOPY . /\n", ignoring("*\n!d/sub\n!a.txt\nd/sub/none"));
  expect(files).toEqual({ "a.txt": `${F} A`, d: D, "d/sub": D, "d/sub/z": `${F} Z` });
});

test("Names of owners come from the image's own passwd", async () => {
  await testImage(lab.store);
  lab.context(TREE);
  const { files } = await lab.build(
    "FROM strata-test/tools\nCOPY --chown=alice a.txt /1\nCOPY --chown=alice:staff a.txt /2\nCOPY --chown=:staff a.txt /3\nCOPY --chown=12 a.txt /4\n",
  );
  expect([files["1"], files["2"], files["3"], files["4"]]).toEqual(["file 644 1000:1000 A", "file 644 1000:50 A", "file 644 0:50 A", "file 644 12:12 A"]);
});

test("Links of the image are followed on the way and at a file, inside the root", async () => {
  lab.context({ ...TREE, "l/dir": "link:/real", "l/file": "link:../real/target", "l/up": "link:../../../../real" });
  const { files } = await lab.build("FROM scratch\nWORKDIR /real\nCOPY l /l\nCOPY a.txt /l/dir/one\nCOPY a.txt /l/file\nCOPY a.txt /l/up/\n");
  expect(files).toMatchObject({
    "real/one": `${F} A`,
    "real/target": `${F} A`,
    "real/a.txt": `${F} A`,
    "l/dir": "symlink 777 0:0 -> /real",
    "l/file": "symlink 777 0:0 -> ../real/target",
  });
});

test("A layer repeats the folders on the way as they are below", async () => {
  lab.context(TREE);
  const { result } = await lab.build("FROM scratch\nCOPY --chown=3:4 d /p\nCOPY a.txt /p/sub/\n");
  const layers = await lab.layers(result);
  expect(layers[1]?.map(({ path, mode, uid, gid }) => [path, mode, uid, gid])).toEqual([
    ["p", 0o755, 3, 4],
    ["p/sub", 0o755, 3, 4],
    ["p/sub/a.txt", 0o644, 0, 0],
  ]);
});

test("Hard links inside a copied folder stay links", async () => {
  const folder = lab.context(TREE);
  linkSync(join(folder, "d/x.txt"), join(folder, "d/z.txt"));
  const { result } = await lab.build("FROM scratch\nCOPY d /n\n");
  const [layer] = await lab.layers(result);
  expect(layer?.find(({ path }) => path === "n/z.txt")).toMatchObject({ type: "hardlink", target: "n/x.txt" });
});

test("Stages are copied from with their owners, by name and number, following links inside them", async () => {
  lab.context({ ...TREE, "l/abs": "link:/n/x.txt" });
  const { files } = await lab.build(
    "FROM scratch AS One\nCOPY --chown=3:4 d /n\nCOPY l /l\nFROM scratch\nCOPY --from=one /n /m\nCOPY --from=0 /l/abs /n/s*b /p/\n",
  );
  expect(files).toEqual({
    ...under("m", {
      "": D,
      link: "symlink 777 3:4 -> x.txt",
      sub: "directory 755 3:4",
      "sub/z": "file 644 3:4 Z",
      "x.txt": "file 644 3:4 X",
      "y.md": "file 644 3:4 Y",
    }),
    p: D,
    "p/abs": "file 644 3:4 X",
    "p/z": "file 644 3:4 Z",
  });
});

test("A named context is another folder", async () => {
  const other = lab.context({ o: "O", ".dockerignore": "skip", skip: "S" }, "other");
  const { files } = await lab.build("FROM scratch\nCOPY --from=lib . /n\n", { contexts: new Map([["lib", { kind: "folder", path: other }]]) });
  expect(Object.keys(files)).toEqual(["n", "n/.dockerignore", "n/o"]);
});

const packers: readonly (readonly [string, (tar: Buffer) => Buffer])[] = [
  ["tar", (tar) => tar],
  ["gzip", (tar) => gzipSync(tar)],
  ["bzip2", (tar) => execFileSync("bzip2", ["-c"], { input: tar })],
  ["xz", (tar) => execFileSync("xz", ["-c"], { input: tar })],
  ["zstd", (tar) => execFileSync("zstd", ["-cq"], { input: tar })],
];

test.each(packers)("ADD unpacks %s, COPY does not", async (_, pack) => {
  const folder = lab.context(TREE);
  const tar = execFileSync("tar", ["-c", "--owner=5", "--group=6", "--numeric-owner", "-C", join(folder, "d"), "."]);
  writeFileSync(join(folder, "archive"), pack(tar));
  const { files } = await lab.build("FROM scratch\nADD archive /n\nCOPY archive /archive\nADD --unpack=false archive /raw\nADD --chown=1:1 archive /o/\n");
  expect(files["n/x.txt"]).toBe("file 644 5:6 X");
  expect(files["n/sub/z"]).toBe("file 644 5:6 Z");
  expect(files["n/link"]).toBe("symlink 777 5:6 -> x.txt");
  expect(files["o/x.txt"]).toBe("file 644 1:1 X");
  expect(files["archive"]?.slice(0, 12)).toBe("file 644 0:0");
  expect(files["raw"]?.slice(0, 12)).toBe("file 644 0:0");
});

test("ADD of an archive that climbs stays inside its destination", async () => {
  const folder = lab.context({});
  mkdirSync(join(folder, "t"));
  writeFileSync(join(folder, "t/evil"), "E");
  execFileSync("tar", ["-cf", join(folder, "up.tar"), "-C", join(folder, "t"), "--transform=s,^,../../../,", "-P", "evil"]);
  const { files } = await lab.build("FROM scratch\nADD up.tar /n/\n");
  expect(files).toEqual({ n: D, "n/evil": `${F} E` });
});

test("ADD of a broken archive is refused", async () => {
  const folder = lab.context({});
  writeFileSync(join(folder, "x.tgz"), gzipSync(Buffer.alloc(4096, 7)).subarray(0, 20));
  await expect(lab.build("FROM scratch\nADD x.tgz /n/\n")).rejects.toMatchObject({ code: "ARCHIVE_INVALID" });
});

test("ADD of a hard link to what the archive does not hold says so", async () => {
  const folder = lab.context({ "t/a": "A" });
  linkSync(join(folder, "t/a"), join(folder, "t/b"));
  const tar = execFileSync("tar", ["-c", "-C", join(folder, "t"), "a", "b"]);
  writeFileSync(join(folder, "x.tar"), tar.subarray(1024)); // without the first name
  await expect(lab.build("FROM scratch\nADD x.tar /n/\n")).rejects.toThrow("its target a is not in the archive before it");
});

test("A file whose name is not UTF-8 is refused, not left out", async () => {
  const folder = lab.context({ a: "A" });
  writeFileSync(Buffer.from(`${folder}/caf\xe9`, "latin1"), "x");
  await expect(lab.build("FROM scratch\nCOPY . /\n")).rejects.toThrow("its name is not UTF-8");
});

test("An owner that the kernel would not set is refused", async () => {
  lab.context({ a: "A" });
  await expect(lab.build("FROM scratch\nCOPY --chown=4294967295 a /\n")).rejects.toMatchObject({ code: "LAYER_INVALID" });
});

test("ADD downloads from loopback with mode, name and checksum", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/moved") response.writeHead(302, { location: "/dir/file.txt?x=1" }).end();
    else if (request.url?.startsWith("/dir/file.txt") === true) response.writeHead(200, { "last-modified": "Tue, 01 Jan 1974 00:00:00 GMT" }).end("content");
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    const base = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    const digest = "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";
    const { files, result } = await lab.build(`FROM scratch\nADD ${base}/moved /n/\nADD --checksum=${digest} --chmod=644 ${base}/dir/file.txt /m\n`);
    expect(files).toMatchObject({ "n/moved": "file 600 0:0 content", m: `${F} content` });
    expect((await lab.layers(result))[1]?.[0]?.mtime).toBe(Date.UTC(1974, 0, 1) / 1000);
    await expect(lab.build(`FROM scratch\nADD --checksum=sha256:00 ${base}/dir/file.txt /m\n`)).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
    await expect(lab.build(`FROM scratch\nADD ${base}/none /m\n`)).rejects.toMatchObject({ message: expect.stringContaining("404") as string });
  } finally {
    server.close();
  }
});

test("Sockets are left out and fifos kept", async () => {
  const folder = lab.context({});
  execFileSync("mkfifo", [join(folder, "pipe")]);
  chmodSync(join(folder, "pipe"), 0o640);
  const { files } = await lab.build("FROM scratch\nCOPY . /n/\n");
  expect(files).toEqual({ n: D, "n/pipe": "fifo 640 0:0" });
});
