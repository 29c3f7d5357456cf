/** ADD of git repositories from real servers on loopback. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pruneRemote } from "../../builder/remote/prune.ts";
import type { Secret } from "../../builder/request.ts";
import { serveGit, type GitServer } from "../support/git-server.ts";
import { openLab, type Built, type Lab } from "./lab.ts";

let lab: Lab;
let server: GitServer;
let url = "";
let first = "";
let second = "";
let wantsToken = false;

beforeAll(async () => {
  lab = await openLab();
  mkdirSync(join(lab.folder, "git"));
  const wanted = `Basic ${Buffer.from("x-access-token:t0ken").toString("base64")}`;
  server = await serveGit(join(lab.folder, "git"), ({ headers }) => !wantsToken || headers.authorization === wanted);
  url = server.create("one");
  first = server.commit("one", { a: "A1", "sub/b": "B1", "sub/deep/c": "C1" });
  server.git("one", "tag", "--annotate", "--message", "t", "v1");
  server.git("one", "push", "--quiet", join(lab.folder, "git/one.git"), "v1");
  server.commit("one", { a: "A-dev" }, "dev");
  server.git("one", "checkout", "--quiet", "main");
  second = server.commit("one", { a: "A2" });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
});

const add = async (words: string, request: Parameters<Lab["build"]>[1] = {}): Promise<Built> => await lab.build(`FROM scratch\nADD ${words} /n/\n`, request);
const textOf = ({ files }: Built, path: string): string | undefined => files[path]?.replace(/^\S+ \S+ \S+ ?/, "");

const forms: readonly (readonly [name: string, suffix: () => string, path: string, text: string])[] = [
  ["the default branch", () => "", "n/a", "A2"],
  ["a branch", () => "#dev", "n/a", "A-dev"],
  ["an annotated tag", () => "#v1", "n/a", "A1"],
  ["a full ref", () => "#refs/tags/v1", "n/a", "A1"],
  ["a commit", () => `#${first}`, "n/a", "A1"],
  ["the beginning of a commit", () => `#${first.slice(0, 9)}`, "n/a", "A1"],
  ["a folder of a branch", () => "#main:sub", "n/b", "B1"],
  ["a folder alone", () => "#:sub/deep", "n/c", "C1"],
  ["a query", () => "?branch=main&subdir=/sub/", "n/b", "B1"],
  ["a tag and its checksum", () => `?tag=v1&checksum=${first.slice(0, 12)}`, "n/a", "A1"],
];

test.each(forms)("ADD git takes %s", async (_, suffix, path, text) => {
  const built = await add(url + suffix());
  expect(textOf(built, path)).toBe(text);
  expect(built.files[path]).toMatch(/^file 644 0:0/);
  expect(Object.keys(built.files).some((name) => name.includes(".git"))).toBe(false);
});

const refused: readonly (readonly [name: string, words: () => string, message: RegExp])[] = [
  ["a branch that is not there", () => `${url}#none`, /Cannot find none in http.*no such branch, tag or commit/],
  ["a commit that is not there", () => `${url}#${"1".repeat(40)}`, /has no commit 1{40}|not our ref/],
  ["a folder that is not there", () => `${url}#main:none`, /there is no such folder/],
  ["another checksum", () => `--checksum=${"1".repeat(40)} ${url}#main`, /main is commit [0-9a-f]{40}, expected 1{40}/],
  ["a ref that git would take for an option", () => `${url}#--upload-pack=touch`, /is no ref/],
  ["a host that ssh would take for an option", () => "ssh://-oProxyCommand=true/x.git", /is no host/],
  ["two refs", () => `${url}?ref=main#dev`, /ref is given twice, as dev and main/],
  ["a query that nobody knows", () => `${url}?depth=1`, /unexpected query "depth"/],
  ["ssh without keys", () => "git@127.0.0.1:x.git", /was given no ssh keys/],
  ["a repository that is not there", () => `${server.base}/none.git`, /Cannot read http.*not found/],
];

test.each(refused)("ADD git refuses %s, with the place", async (_, words, message) => {
  await expect(add(words())).rejects.toMatchObject({ message: expect.stringMatching(message) as string, place: { line: 2 } });
});

test("The commit is the key: a branch that did not move is a hit without a fetch, one that moved is built again", async () => {
  const moving = server.create("moving");
  server.commit("moving", { a: "1" });
  await add(moving);
  const before = server.asked.length;
  const again = await add(moving);
  expect([...again.steps.values()]).toEqual([expect.stringMatching(/^hit/)]);
  expect(server.asked.slice(before).filter((line) => line.startsWith("POST")).length).toBeLessThanOrEqual(1); // ls-remote of protocol 2
  server.commit("moving", { a: "2" });
  const moved = await add(moving);
  expect(textOf(moved, "n/a")).toBe("2");
});

test("A commit that was fetched is there without its server", async () => {
  const brief = await serveGit(join(lab.folder, "git"));
  const address = `${brief.base}/one.git#${second}`;
  await add(address);
  await brief[Symbol.asyncDispose]();
  const again = await add(address, { noCache: true });
  expect(textOf(again, "n/a")).toBe("A2");
});

test("Submodules come along unless they are switched off, and .git stays when it is kept", async () => {
  const inner = server.create("inner");
  server.commit("inner", { i: "I" });
  const outer = server.create("outer");
  server.commit("outer", { o: "O" });
  const bare = join(lab.folder, "git/inner.git"); // as a file: this process is the server, and git here is waited for
  server.git("outer", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", bare, "modules/inner");
  server.git("outer", "config", "--file", ".gitmodules", "submodule.modules/inner.url", inner);
  server.commit("outer", {});
  const whole = await add(outer);
  expect(textOf(whole, "n/modules/inner/i")).toBe("I");
  expect(Object.keys(whole.files).filter((name) => name.endsWith("/.git"))).toEqual([]);
  const alone = await add(`${outer}?submodules=false`);
  expect(alone.files["n/modules/inner/i"]).toBeUndefined();
  for (const words of [`--keep-git-dir=true ${outer}`, `${outer}?keep-git-dir=1`]) {
    const kept = await add(words);
    expect(kept.files["n/.git/HEAD"]).toBeDefined();
    expect(textOf(kept, "n/.git/HEAD")?.trim()).toBe(server.git("outer", "rev-parse", "HEAD"));
  }
});

test("Hostile repositories reach nothing of this machine", async () => {
  const evil = server.create("evil");
  server.commit("evil", { x: "X" });
  server.git("evil", "config", "--file", ".gitmodules", "submodule.m.path", "m");
  server.git("evil", "config", "--file", ".gitmodules", "submodule.m.url", `file://${join(lab.folder, "git/one.git")}`);
  server.git("evil", "add", ".gitmodules");
  server.git("evil", "update-index", "--add", "--cacheinfo", `160000,${first},m`);
  server.git("evil", "commit", "--quiet", "--message", "m");
  server.git("evil", "push", "--quiet", join(lab.folder, "git/evil.git"), "main");
  await expect(add(evil)).rejects.toMatchObject({ code: "GIT_FAILED", message: expect.stringMatching(/transport 'file' not allowed/) as string });
  const links = server.create("links");
  server.commit("links", { x: "X" });
  symlinkSync("/etc", join(lab.folder, "git/work/links/out"));
  server.commit("links", {});
  await expect(add(`${links}#main:out`)).rejects.toMatchObject({ message: expect.stringMatching(/leads out of the repository/) as string });
});

test("A token of the build's secrets opens a private repository, and no message shows it", async () => {
  wantsToken = true;
  try {
    const secret = (text: string): Secret => ({ read: () => Buffer.from(text) });
    await expect(add(`${url}#dev`)).rejects.toMatchObject({ code: "GIT_FAILED" });
    const host = new URL(url).host;
    for (const name of ["GIT_AUTH_TOKEN", `GIT_AUTH_TOKEN.${host}`, "GIT_AUTH_TOKEN.127.0.0.1"])
      expect(textOf(await add(`${url}#dev`, { secrets: new Map([[name, secret("t0ken\n")]]), noCache: true }), "n/a")).toBe("A-dev");
    const wrong = add(`${url}#v1`, { secrets: new Map([["GIT_AUTH_HEADER", secret("Basic d3Jvbmc=")]]) });
    await expect(wrong).rejects.toMatchObject({ message: expect.not.stringContaining("d3Jvbmc") as string });
    const inUrl = url.replace("http://", "http://x-access-token:t0ken@");
    expect(textOf(await add(`${inUrl}#v1`), "n/a")).toBe("A1");
    expect(JSON.stringify(readdirSync(lab.store.root, { recursive: true }))).not.toContain("t0ken");
  } finally {
    wantsToken = false;
  }
});

test("Mirrors that nobody used for long go, others stay", async () => {
  await add(`${url}#v1`);
  const mirrors = join(lab.store.root, "builder/git/mirrors");
  const name = readdirSync(mirrors).find((entry) => !entry.endsWith(".lock")) ?? "";
  utimesSync(join(mirrors, name), 1, 1);
  pruneRemote(lab.store.root, Date.now() - 3_600_000);
  expect(existsSync(join(mirrors, name))).toBe(false);
  await add(`${url}#v1`, { noCache: true });
});
