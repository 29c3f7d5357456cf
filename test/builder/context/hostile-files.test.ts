import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { encodeName } from "../../../store/file-names.ts";
import { openLab, type Lab } from "../lab.ts";

const COPY = "FROM scratch\nCOPY . /n/\n";
const D = "directory 755 0:0";

async function socketIn(folder: string, act: () => Promise<void>): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, "socket"), resolve));
  try {
    await act();
  } finally {
    server.close();
  }
}

test("Sockets are left out, pipes and devices are kept and never opened; a socket named alone is refused", async () => {
  await using lab = await openLab();
  const folder = lab.context({});
  execFileSync("mkfifo", ["-m", "640", join(folder, "pipe")]);
  execFileSync("mknod", [join(folder, "null"), "c", "1", "3"]);
  await socketIn(folder, async () => {
    const { files, result } = await lab.build(`${COPY}ADD pipe /p\n`);
    expect(files).toEqual({ n: D, "n/null": "character 644 0:0", "n/pipe": "fifo 640 0:0", p: "fifo 640 0:0" });
    expect((await lab.layers(result))[0]?.find(({ path }) => path === "n/null")).toMatchObject({ major: 1, minor: 3 });
    await expect(lab.build("FROM scratch\nCOPY socket /\n")).rejects.toMatchObject({
      code: "SOURCE_UNKNOWN",
      message: expect.stringContaining("it is a socket") as string,
    });
  });
});

/** Latin-1 é, half of a UTF-8 sequence, and bytes that no encoding has. */
const NAMES = ["caf\xe9", "\xf0\x9f", "\xff\xfe \xc0", "😀-\xed\xa0\x80"].map((name) => Buffer.from(name, name.startsWith("😀") ? "utf8" : "latin1"));

async function bytesIn(lab: Lab, chain: Parameters<Lab["store"]["snapshots"]["view"]>[0], folder: string): Promise<readonly Buffer[]> {
  return (await (await lab.store.snapshots.view(chain)).list(folder)).map(encodeName).sort((a, b) => Buffer.compare(a, b));
}

test.each([
  ["few", 0],
  ["many", 700],
])("Names that are not UTF-8 come out byte for byte, from layers, stages, archives and caches: %s files", async (_, more) => {
  await using lab = await openLab();
  const folder = lab.context(Object.fromEntries(Array.from({ length: more }, (_, at) => [`more/${at}`, ""])));
  mkdirSync(join(folder, "d"));
  for (const name of NAMES) {
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/d/`), name]), name);
    symlinkSync(name, Buffer.concat([Buffer.from(`${folder}/d/link-`), name]));
  }
  execFileSync("tar", ["-cf", join(folder, "x.tar"), "--format=gnu", "-C", join(folder, "d"), "."]);
  const text = "FROM scratch AS one\nCOPY . /n/\nFROM scratch\nCOPY --from=one /n/d /m/\nADD x.tar /t/\nCOPY d/caf* /w/\n";
  const { result } = await lab.build(text);
  const wanted = [...NAMES, ...NAMES.map((name) => Buffer.concat([Buffer.from("link-"), name]))].sort((a, b) => Buffer.compare(a, b));
  expect(await bytesIn(lab, result.chain, "m")).toEqual(wanted);
  expect(await bytesIn(lab, result.chain, "t")).toEqual(wanted);
  expect(await bytesIn(lab, result.chain, "w")).toEqual([NAMES[0]]);
  const again = await lab.build(text);
  expect([[...again.steps.values()].every((step) => step.startsWith("hit")), again.result.id]).toEqual([true, result.id]);
  const tar = execFileSync("tar", ["-tf", "-", "--quoting-style=literal"], { input: await buffer(lab.store.snapshots.tar(result.chain!)) });
  expect(tar.includes(NAMES[0]!)).toBe(true);
});

test("Two names that differ in a stray byte only are two files with two keys", async () => {
  await using lab = await openLab();
  const folder = lab.context({});
  const file = (byte: number): Buffer => Buffer.concat([Buffer.from(`${folder}/x`), Buffer.from([byte])]);
  writeFileSync(file(0xe8), "same");
  const first = await lab.build(COPY);
  rmSync(file(0xe8));
  writeFileSync(file(0xe9), "same");
  const second = await lab.build(COPY);
  expect(second.steps.get("COPY . /n/")).toMatch(/^miss/);
  expect(second.result.id).not.toBe(first.result.id);
});

test("A name of 255 bytes, a path of 3,000, ten names of one file", async () => {
  await using lab = await openLab();
  const deep = Array.from({ length: 15 }, () => "n".repeat(200)).join("/");
  const folder = lab.context({ ["l".repeat(255)]: "L", [`${deep}/f`]: "F", "d/0": "0" });
  for (let at = 1; at < 10; at++) linkSync(join(folder, "d/0"), join(folder, `d/${at}`));
  const { files, result } = await lab.build(COPY);
  expect([files[`n/${"l".repeat(255)}`], files[`n/${deep}/f`], files["n/d/9"]]).toEqual(["file 644 0:0 L", "file 644 0:0 F", "file 644 0:0 0"]);
  expect((await lab.layers(result))[0]?.filter(({ type }) => type === "hardlink")).toHaveLength(9);
});

test("A path beyond the system's limit is an error that says so", async () => {
  await using lab = await openLab();
  const folder = lab.context({});
  const make = "import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(25):\n os.mkdir('d' * 200)\n os.chdir('d' * 200)";
  execFileSync("python3", ["-c", make, folder]);
  try {
    await expect(lab.build(COPY)).rejects.toMatchObject({ code: "CONTEXT_INVALID", message: expect.stringMatching(/4095 bytes|name too long/i) as string });
    const ignored = await lab.build(COPY, { ignore: ["d*"] });
    expect(Object.keys(ignored.files)).toEqual(["n"]);
  } finally {
    execFileSync("rm", ["-rf", join(folder, "d".repeat(200))]);
  }
});

test("Links in circles and out of the context are carried, not followed", async () => {
  await using lab = await openLab();
  lab.context({ a: "link:b", b: "link:a", self: "link:.", up: "link:..", out: "link:/etc", "d/e": "link:../d" });
  const { files } = await lab.build(COPY);
  expect(Object.keys(files)).toEqual(["n", "n/a", "n/b", "n/d", "n/d/e", "n/out", "n/self", "n/up"]);
  await expect(lab.build("FROM scratch\nCOPY a /x\n")).rejects.toMatchObject({ code: "SOURCE_UNKNOWN" });
  await expect(lab.build("FROM scratch\nCOPY out/passwd /x\n")).rejects.toMatchObject({ code: "SOURCE_UNKNOWN" });
  expect(Object.keys((await lab.build("FROM scratch\nCOPY d/e /x\n")).files)).toEqual(["x", "x/e"]);
});

test("What no step copies is not read: not a file of a terabyte, not what cannot be read", async () => {
  await using lab = await openLab();
  const folder = lab.context({ a: "A", "d/huge": "", ".dockerignore": "skip" });
  truncateSync(join(folder, "d/huge"), 2 ** 40);
  expect(Object.keys((await lab.build("FROM scratch\nCOPY a .dockerignore /\n")).files)).toEqual([".dockerignore", "a"]);
  expect(Object.keys((await lab.build("FROM scratch\nCOPY . /\n", { ignore: ["d"] })).files)).toEqual([".dockerignore", "a"]);
});

test("A sparse file keeps its size and content, and the memory that copying it takes is small", async () => {
  await using lab = await openLab();
  const folder = lab.context({ sparse: "" });
  const size = 96 << 20;
  truncateSync(join(folder, "sparse"), size);
  const before = process.memoryUsage().rss;
  await lab.build("FROM scratch AS big\nCOPY sparse /s\nFROM scratch\nCOPY --from=big --exclude=s / /\n");
  expect(execFileSync("find", [join(lab.store.root, "layers"), "-name", "s", "-size", `${size}c`], { encoding: "utf8" })).toMatch(/fs\/s\n$/);
  expect(process.memoryUsage().rss - before).toBeLessThan(size / 2);
});

test("A folder of the context that is no longer one when it is opened is taken as what it is", async () => {
  await using lab = await openLab();
  const folder = lab.context({ "d/a": "A", z: "Z" });
  const swap = join(folder, "swap.sh");
  writeFileSync(swap, `while :; do mv "$1/d" "$1/.d" && ln -s /etc "$1/d" && rm "$1/d" && mv "$1/.d" "$1/d"; done`);
  chmodSync(swap, 0o755);
  const { spawn } = await import("node:child_process");
  const swapper = spawn("sh", [swap, folder], { stdio: "ignore" });
  try {
    for (let round = 0; round < 15; round++) {
      const files = await lab.build(COPY, { noCache: true, ignore: ["swap.sh"] }).then(
        (built) => Object.keys(built.files),
        (error: { code: string }) => [error.code],
      );
      expect(files.filter((path) => path.includes("passwd") || path.includes("hostname"))).toEqual([]);
    }
  } finally {
    swapper.kill("SIGKILL");
    await new Promise((resolve) => swapper.once("close", resolve));
  }
  expect(readdirSync(folder)).toContain("z");
});
