import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runStrata, strataOutput } from "../support/cli.ts";
import { strata, temporaryRoot, type TemporaryRoot } from "../support/root.ts";

let root: TemporaryRoot;
let folder: string;
beforeAll(() => {
  root = temporaryRoot();
  folder = join(dirname(root.root), "project");
  write("Dockerfile", "FROM scratch\nCOPY . /\n");
  write("other/Dockerfile", "FROM scratch\nCOPY . /\n");
  write("other/Dockerfile.dockerignore", "src\n");
  write(".dockerignore", "# kept out\n\nnode_modules\n*.log\n!keep.log\nDockerfile\n.dockerignore\ndocs\n!docs/a\n");
  for (const [path, text] of Object.entries({ "src/a": "12345", "node_modules/x/y": "123", "b.log": "1", "keep.log": "12", "docs/a": "1", "docs/b": "1" }))
    write(path, text);
});
afterAll(() => root[Symbol.dispose]());

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

interface Listed {
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly ignored: readonly { readonly path: string; readonly pattern: string; readonly file: string; readonly line: number; readonly size: number }[];
  readonly total: { readonly files: number; readonly bytes: number };
}

async function list(...args: readonly string[]): Promise<Listed> {
  return JSON.parse(await strataOutput(root, "build", "context", "ls", ...args, "-o", "json")) as Listed;
}

test("build context ls tells what goes in, and which line leaves the rest out", async () => {
  const { files, ignored, total } = await list(folder);
  expect(files.map(({ path }) => path)).toEqual(
    ["docs", "docs/a", "keep.log", "other", "other/Dockerfile.dockerignore", "src", "src/a"].toSpliced(4, 0, "other/Dockerfile"),
  );
  expect(total).toEqual({ files: 5, bytes: 5 + 2 + 1 + 22 + 4 });
  expect(ignored.map(({ path, pattern, file, line, size }) => [path, pattern, `${file}:${line}`, size])).toEqual([
    [".dockerignore", ".dockerignore", ".dockerignore:7", 79],
    ["Dockerfile", "Dockerfile", ".dockerignore:6", 22],
    ["b.log", "*.log", ".dockerignore:4", 1],
    ["docs/b", "docs", ".dockerignore:8", 1],
    ["node_modules", "node_modules", ".dockerignore:3", 3],
  ]);
});

test("It lists what a build copies, to the file", async () => {
  const { files } = await list(folder);
  await strataOutput(root, "build", "-q", "-t", "listed", folder);
  expect(await strataOutput(root, "image", "files", "listed")).toBe(files.map(({ path }) => `/${path}`).join("\n"));
});

test("5.4 Dockerfile and ignore file may be ignored: they are used, and not copied", async () => {
  const files = async (tag: string, ...flags: readonly string[]): Promise<readonly string[]> => {
    await strataOutput(root, "build", "-q", "-t", tag, ...flags, folder);
    return (await strataOutput(root, "image", "files", tag)).split("\n");
  };
  const plain = await files("ignored");
  expect(plain).not.toContain("/Dockerfile");
  expect(plain).not.toContain("/.dockerignore");
  expect(plain).not.toContain("/node_modules"); // so the ignore file was read
  write("third/Dockerfile", "FROM scratch\nCOPY . /\n");
  write("third/Dockerfile.dockerignore", "third\nother\nsrc\n");
  const third = await files("own", "-f", join(folder, "third/Dockerfile"));
  expect(third.filter((path) => path.includes("third"))).toEqual([]);
  expect(third).toContain("/Dockerfile"); // its own ignore file replaces the other one
  rmSync(join(folder, "third"), { recursive: true });
});

test("The Dockerfile's own ignore file counts before the general one, there as in builds", async () => {
  const { files, ignored } = await list(folder, "-f", join(folder, "other/Dockerfile"));
  expect(ignored).toEqual([{ path: "src", type: "directory", size: 5, file: "other/Dockerfile.dockerignore", pattern: "src", line: 1 }]);
  await strataOutput(root, "build", "-q", "-t", "own", "-f", join(folder, "other/Dockerfile"), folder);
  expect(await strataOutput(root, "image", "files", "own")).toBe(files.map(({ path }) => `/${path}`).join("\n"));
});

test("Tables for people; a folder called context is built, and one called ls beside it does not matter", async () => {
  expect(await strataOutput(root, "build", "context", "ls", folder, "--ignored")).toMatch(/^SIZE +PATTERN +LINE +PATH\n/);
  expect(await strataOutput(root, "build", "context", "ls", folder)).toMatch(/\n5 files, 34B$/);
  expect((await runStrata(root, ["build", "context", "ls", join(folder, "none")])).stderr).toContain("it is no folder");
  expect(await strataOutput(root, "build", "context", "--help")).toMatch(/^Usage: strata build context ls /);
  write("context/Dockerfile", "FROM scratch\nLABEL a=b\n");
  const { status, stdout } = await runStrata({ ...root, env: { ...root.env, PWD: folder } }, ["build", "-q", join(folder, "context")]);
  expect([status, stdout.slice(0, 7)]).toEqual([0, "sha256:"]);
});

test.each([
  [["none"], 1, /none as the context: it is not there\n/],
  [["Dockerfile"], 1, /Dockerfile as the context: it is no folder\n/],
  [["src"], 1, /Cannot find a Dockerfile: there is none in .*src\nName it with -f\n/],
  [["-f", "/none", "."], 1, /Cannot find \/none: there is no such file\n$/],
  [["--memory", "much", "."], 2, /Cannot read --memory much: expected a size/],
  [["--shm-size=", "."], 2, /Cannot read --shm-size : expected a size/],
  [["--sbom", "--provenance", ".", "-o", "cacheonly=x"], 2, /cacheonly/], // the folder is taken for no value of the flags
])("strata build %j is refused", async (args, status, message) => {
  const outcome = await runStrata(root, ["build", ...args.map((word) => (/^(?:none|Dockerfile|src|\.)$/.test(word) ? join(folder, word) : word))]);
  expect([outcome.status, outcome.stderr]).toEqual([status, expect.stringMatching(message)]);
});

test("What cannot be read is an error that names it, and what to do", async () => {
  using own = temporaryRoot();
  const context = join(dirname(own.root), "context");
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY . /\n");
  writeFileSync(join(context, "key"), "K", { mode: 0o600 });
  for (const path of [own.root, own.runRoot]) chownSync(path, 65_534, 65_534);
  chmodSync(dirname(own.root), 0o755);
  const said = await new Promise((resolve) => {
    execFile(process.execPath, [strata, "build", "-q", context], { env: own.env, uid: 65_534, gid: 65_534 }, (_, __, stderr) => resolve(stderr));
  });
  expect(said).toMatch(/Cannot read \/key in the build context: permission denied[^]*Let \.dockerignore leave it out/);
});

test("An ignore file that is a pipe or a device is refused: all that it would keep out would go in", async () => {
  using own = temporaryRoot();
  const context = join(dirname(own.root), "context");
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY . /\n");
  symlinkSync("/dev/zero", join(context, ".dockerignore"));
  const { status, stderr } = await runStrata(own, ["build", context]);
  expect([status, stderr]).toEqual([1, expect.stringMatching(/Cannot read .*\.dockerignore: it is no plain file/)]);
});
