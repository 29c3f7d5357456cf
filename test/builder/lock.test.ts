/** --lock: what a build takes from elsewhere is pinned, held to, and renewed. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FilePins } from "../../builder/lock/file-pins.ts";
import { formatLock, parseLock } from "../../builder/lock/lock-file.ts";
import { runStrata, serveStrata, strataOutput, type Outcome, type Server } from "../support/cli.ts";
import { serveGit, type GitServer } from "../support/git-server.ts";
import { serveHttp, type HttpServer } from "../support/http-server.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

const HEX = "0123456789abcdef".repeat(4);

let root: TemporaryRoot;
let folder = "";
let lockFile = "";
let files: HttpServer;
let git: GitServer;
let registry: Server;
let registryRoot: TemporaryRoot;
let base = "";
let content = "one";

beforeAll(async () => {
  root = temporaryRoot();
  registryRoot = temporaryRoot();
  folder = join(dirname(root.root), "context");
  lockFile = join(folder, "Dockerfile.lock");
  mkdirSync(folder);
  files = await serveHttp((_, response) => response.end(content));
  mkdirSync(join(dirname(root.root), "git"));
  git = await serveGit(join(dirname(root.root), "git"));
  git.create("r");
  git.commit("r", { g: "one" });
  registry = await serveStrata(registryRoot, ["registry", "serve", "--listen", "127.0.0.1:0"], /127\.0\.0\.1:(\d+)/);
  base = `127.0.0.1:${registry.match[1]}/base:1`;
  await pushBase("one");
  writeFileSync(join(folder, "Dockerfile"), `FROM ${base}\nADD ${files.base}/f /url\nADD ${git.base}/r.git#main /git/\n`);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await git[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
  root[Symbol.dispose]();
  registryRoot[Symbol.dispose]();
});

/** The base's tag, pointed at another image. */
async function pushBase(text: string): Promise<void> {
  const other = temporaryRoot();
  try {
    const made = await runStrata(other, ["build", "-t", base, "--push", "-"], { input: `FROM scratch\nCOPY <<EOF /base\n${text}\nEOF\n` });
    if (made.status !== 0) throw new Error(made.stderr);
  } finally {
    other[Symbol.dispose]();
  }
}

const build = async (on: TemporaryRoot, ...flags: readonly string[]): Promise<Outcome> => await runStrata(on, ["build", "-q", ...flags, folder]);

test("the first build pins, later ones hold to it on any machine, an update renews and says what moved", async () => {
  const first = await build(root, "--lock");
  expect(first.stderr).toMatch(
    /Dockerfile\.lock:\n \+ 127\S+\/base:1 is pinned to sha256:[0-9a-f]{64}\n \+ http:\S+\/f is pinned to sha256:[0-9a-f]{64}\n \+ http:\S+r\.git#main is pinned to [0-9a-f]{40}\n/,
  );
  const written = readFileSync(lockFile, "utf8");
  expect((await build(root, "--lock")).stderr).toBe("");

  const commit = git.commit("r", { g: "two" });
  await pushBase("two");
  const held = temporaryRoot();
  try {
    const again = await build(held, "--lock"); // a machine that has nothing of it
    expect([again.status, again.stdout, again.stderr]).toEqual([0, first.stdout, ""]);
    content = "two";
    const other = temporaryRoot();
    try {
      const moved = await build(other, "--lock");
      expect([moved.status, moved.stderr]).toEqual([
        1,
        expect.stringMatching(
          /Cannot use http:\S+\/f: \S+Dockerfile\.lock pins it to sha256:\S+, the server now has sha256:\S+\nIf that is wanted, build with --lock-update/,
        ),
      ]);
    } finally {
      other[Symbol.dispose]();
    }
    expect(readFileSync(lockFile, "utf8")).toBe(written);
    const renewed = await build(held, "--lock-update", "--pull");
    expect(renewed.status).toBe(0);
    expect(renewed.stderr.match(/^ ~ \S+ moved from \S+ to \S+$/gm)).toHaveLength(3);
    expect(readFileSync(lockFile, "utf8")).toContain(commit);
    expect((await build(held, "--lock-update")).stderr).toMatch(/nothing moved/);
  } finally {
    held[Symbol.dispose]();
  }
});

test("a pinned build needs no network once it was made, and says when a pinned thing is gone", async () => {
  const alone = join(dirname(root.root), "alone");
  mkdirSync(alone);
  const [web, repositories] = [await serveHttp((_, response) => response.end("x")), await serveGit(join(dirname(root.root), "git"))];
  git.create("gone");
  git.commit("gone", { g: "x" });
  const local = temporaryRoot();
  const empty = temporaryRoot();
  try {
    writeFileSync(join(alone, "Dockerfile"), `FROM scratch\nADD ${web.base}/f /url\nADD ${repositories.base}/gone.git#main /git/\n`);
    const pin = async (on: TemporaryRoot, ...flags: readonly string[]): Promise<Outcome> => await runStrata(on, ["build", "-q", "--lock", ...flags, alone]);
    const first = await pin(local);
    await web[Symbol.asyncDispose]();
    await repositories[Symbol.asyncDispose]();
    const offline = await pin(local);
    expect([offline.status, offline.stdout]).toEqual([0, first.stdout]);
    expect((await pin(local, "--no-cache")).stdout).toBe(first.stdout); // made again from what is kept
    expect((await pin(empty)).stderr).toMatch(/Cannot download|Cannot fetch/);
    writeFileSync(join(alone, "Dockerfile"), `FROM scratch\nADD ${git.base}/gone.git#main /git/\n`);
    writeFileSync(
      join(alone, "Dockerfile.lock"),
      formatLock({ images: new Map(), urls: new Map(), git: new Map([[`${git.base}/gone.git#main`, "1".repeat(40)]]) }),
    );
    const lost = await pin(empty);
    expect([lost.status, lost.stderr]).toEqual([
      1,
      expect.stringMatching(/Cannot fetch \S+gone\.git: .*to which \S+Dockerfile\.lock pins it\nIf it is gone for good, build with --lock-update/s),
    ]);
  } finally {
    empty[Symbol.dispose]();
    local[Symbol.dispose]();
  }
});

test("a pinned image is used without its registry while it is here, and missed by name when it is not", async () => {
  const place = join(dirname(root.root), "pinned");
  mkdirSync(place);
  const digest = (await strataOutput(root, "images", "--no-trunc", "--digests", "--format", "{{.Repository}}@{{.Digest}}"))
    .split("\n")
    .find((line) => line.startsWith(base.replace(/:1$/, "")));
  writeFileSync(join(place, "Dockerfile"), `FROM ${base}\n`);
  const name = base;
  writeFileSync(join(place, "Dockerfile.lock"), formatLock({ images: new Map([[name, digest?.split("@")[1] ?? ""]]), urls: new Map(), git: new Map() }));
  await strataOutput(root, "tag", base, "local/kept");
  await strataOutput(root, "rmi", base);
  expect((await runStrata(root, ["build", "-q", "--lock", "--pull", place])).status).toBe(0); // by digest, under another name
  writeFileSync(join(place, "Dockerfile.lock"), formatLock({ images: new Map([[name, `sha256:${HEX}`]]), urls: new Map(), git: new Map() }));
  const missing = await runStrata(root, ["build", "-q", "--lock", place]);
  expect([missing.status, missing.stderr]).toEqual([
    1,
    expect.stringMatching(
      /Cannot use image \S+base:1: \S+Dockerfile\.lock pins it to sha256:0123456789abcdef\S+: .*\n.*--lock-update pins what the name is now/s,
    ),
  ]);
  const dry = await runStrata(root, ["build", "--dry-run", "--lock", place]);
  expect([dry.status, dry.stderr]).toEqual([1, expect.stringContaining("pins it to sha256:0123456789abcdef")]);
});

test("--lock=FILE names the file; without a Dockerfile of one's own it must", async () => {
  const file = join(dirname(root.root), "own.lock");
  expect((await runStrata(root, ["build", "-q", `--lock=${file}`, "-"], { input: `FROM scratch\nADD ${files.base}/z /z\n` })).status).toBe(0);
  expect(readFileSync(file, "utf8")).toContain(`${files.base}/z: sha256:`);
  const placeless = await runStrata(root, ["build", "--lock", "-"], { input: "FROM scratch\n" });
  expect([placeless.status, placeless.stderr]).toEqual([2, expect.stringMatching(/Name one by --lock=FILE/)]);
  const failed = join(dirname(root.root), "failed.lock");
  await runStrata(root, ["build", `--lock=${failed}`, "-"], { input: `FROM scratch\nADD ${files.base}/z /z\nCOPY none /\n` });
  expect(existsSync(failed)).toBe(false); // a build that failed pins nothing
});

test("the file is sorted and reads back", () => {
  const pinned = {
    images: new Map([
      ["b:1", `sha256:${HEX}`],
      ["a:1", `sha256:${HEX}`],
    ]),
    urls: new Map([["http://h/a: #b", `sha256:${HEX}`]]),
    git: new Map<string, string>(),
  };
  const text = formatLock(pinned);
  expect(text.indexOf("a:1")).toBeLessThan(text.indexOf("b:1"));
  expect(parseLock(text, "f")).toEqual(pinned);
});

test.each([
  ["no YAML", "a: [", /Cannot read lock file f/],
  ["no map", "- a\n", /it is no map/],
  ["another version", "version: 2\n", /its version is 2/],
  ["an unknown part", "version: 1\nfiles: {}\n", /"files" is none of images, urls, git/],
  ["a pin that is no digest", "version: 1\nimages:\n  a: latest\n", /a is pinned to "latest", which is no digest/],
  ["a commit that git would take for an option", "version: 1\ngit:\n  a: --upload-pack=x\n", /which is no commit/],
])("a lock file with %s is refused", (_, text, message) => {
  expect(() => parseLock(text, "f")).toThrow(message);
});

test("what moves within one build is refused", () => {
  const pins = FilePins.open("/nonexistent/lock", { renew: false });
  pins.record("urls", "u", "a");
  expect(() => pins.record("urls", "u", "b")).toThrow(/was a and then b in one build/);
});

test("what opens a URL stays out of the lock file, and the URL is found all the same", () => {
  const pins = FilePins.open("/nonexistent/lock", { renew: false });
  pins.record("urls", "https://user:word@host/f", "a");
  expect(pins.changes().map(({ name }) => name)).toEqual(["https://xxxxx@host/f"]);
  expect(pins.find("urls", "https://other:one@host/f")).toBe("a");
});
