/** `strata build` with contexts that are elsewhere, and named ones, as a user types them. */
import { execFileSync } from "node:child_process";
import { createReadStream, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runStrata, strataOutput, type Outcome } from "../support/cli.ts";
import { serveGit, type GitServer } from "../support/git-server.ts";
import { serveHttp, type HttpServer } from "../support/http-server.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

let root: TemporaryRoot;
let folder = "";
let files: HttpServer;
let git: GitServer;

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const tar = (name: string, ...flags: readonly string[]): void =>
  void execFileSync("tar", [...flags, "-cf", join(folder, "served", name), "-C", join(folder, "plain"), "."]);

beforeAll(async () => {
  root = temporaryRoot();
  folder = dirname(root.root);
  write("plain/Dockerfile", "FROM scratch\nCOPY . /n/\n");
  write("plain/a", "from the context");
  write("plain/sub/Dockerfile", "FROM scratch\nCOPY a /sub\n");
  write("plain/sub/a", "from below");
  write("served/Dockerfile", "FROM scratch\nCOPY <<EOF /inline\nfrom a URL\nEOF\n");
  write("served/other", "FROM scratch\nCOPY a /other\n");
  tar("plain.tar");
  tar("plain.tar.gz", "-z");
  tar("plain.tar.bz2", "-j");
  tar("plain.tar.xz", "-J");
  tar("plain.tar.zst", "--zstd");
  files = await serveHttp((request, response) => {
    const { pathname, search } = new URL(request.url ?? "", "http://server");
    if (search === "?dated") response.setHeader("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT");
    createReadStream(join(folder, "served", pathname))
      .on("error", () => response.writeHead(404).end())
      .pipe(response);
  });
  mkdirSync(join(folder, "git"));
  git = await serveGit(join(folder, "git"));
  git.create("ctx");
  git.commit("ctx", {
    Dockerfile: "FROM scratch\nCOPY . /n/\n",
    a: "from git",
    ".dockerignore": "no*\n",
    nothing: "x",
    "sub/Dockerfile": "FROM scratch\nCOPY a /sub\n",
    "sub/a": "below in git",
  });
});
afterAll(async () => {
  await git[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

/** Builds and answers with the files of the image. */
async function built(...args: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const out = join(folder, "out");
  execFileSync("rm", ["-rf", out]);
  await strataOutput(root, "build", "-q", "--output", `type=local,dest=${out}`, ...args);
  const paths = execFileSync("find", [".", "-type", "f"], { cwd: out, encoding: "utf8" }).trim().split("\n").filter(Boolean).sort();
  return Object.fromEntries(paths.map((path) => [path.slice(2), readFileSync(join(out, path), "utf8").trim()]));
}

const refused = async (...args: readonly string[]): Promise<Outcome> => await runStrata(root, ["build", ...args]);

test("git repositories: a branch, a folder in one, the query form, .dockerignore and all", async () => {
  expect(await built(`${git.base}/ctx.git`)).toEqual({
    "n/.dockerignore": "no*",
    "n/Dockerfile": "FROM scratch\nCOPY . /n/",
    "n/a": "from git",
    "n/sub/Dockerfile": "FROM scratch\nCOPY a /sub",
    "n/sub/a": "below in git",
  });
  expect(await built(`${git.base}/ctx.git#main:sub`)).toEqual({ sub: "below in git" });
  expect(await built(`${git.base}/ctx.git?branch=main&subdir=sub`)).toEqual({ sub: "below in git" });
  expect(await built("-f", "sub/Dockerfile", `${git.base}/ctx.git`)).toEqual({ sub: "from git" });
  const kept = await built(`${git.base}/ctx.git?keep-git-dir=true`);
  expect(Object.keys(kept)).toContain("n/.git/HEAD");
  const bad = await refused(`${git.base}/ctx.git#none`);
  expect([bad.status, bad.stderr]).toEqual([1, expect.stringMatching(/Cannot find none in .*no such branch, tag or commit/)]);
});

test.each(["plain.tar", "plain.tar.gz", "plain.tar.bz2", "plain.tar.xz", "plain.tar.zst"])("%s by URL", async (name) => {
  expect(await built(`${files.base}/${name}`)).toMatchObject({ "n/a": "from the context" });
});

test("-f counts from the root of a tar by URL", async () => {
  expect(await built("-f", "sub/Dockerfile", `${files.base}/plain.tar`)).toEqual({ sub: "from the context" });
});

test("a Dockerfile by URL, as the context and by -f", async () => {
  expect(await built(`${files.base}/Dockerfile`)).toEqual({ inline: "from a URL" });
  expect(await built("-f", `${files.base}/other`, join(folder, "plain"))).toEqual({ other: "from the context" });
  const bad = await refused(`${files.base}/none`);
  expect([bad.status, bad.stderr]).toEqual([1, expect.stringMatching(/Cannot download .*404/)]);
});

test("SOURCE_DATE_EPOCH=context is the time of the commit, of the answer, or of the archive's newest file; a folder here has none", async () => {
  const created = async (context: string): Promise<string> => {
    await strataOutput(root, "build", "-q", "-t", "local/when", "--build-arg", "SOURCE_DATE_EPOCH=context", context);
    return await strataOutput(root, "inspect", "--format", "{{.Created}}", "local/when");
  };
  const ofCommit = Number(git.git("ctx", "log", "-1", "--format=%ct"));
  expect(Date.parse(await created(`${git.base}/ctx.git#main:sub`))).toBe(ofCommit * 1000);
  tar("old.tar", "--mtime=@1000000000");
  expect(await created(`${files.base}/old.tar`)).toBe("2001-09-09T01:46:40Z");
  expect(await created(`${files.base}/old.tar?dated`)).toBe("2015-10-21T07:28:00Z");
  expect(await created(join(folder, "plain"))).toMatch(/^1980-/);
});

test("a Dockerfile that leads out of a context from elsewhere is refused", async () => {
  git.create("links");
  git.commit("links", { a: "x" });
  symlinkSync("/etc/hostname", join(folder, "git/work/links/Dockerfile"));
  git.commit("links", {});
  expect((await refused(`${git.base}/links.git`)).stderr).toMatch(/leads out of the context/);
  expect((await refused("-f", "../../x", `${git.base}/ctx.git`)).stderr).toMatch(/Cannot find|leads out/);
});

test("named contexts stand in for stages, images and --from", async () => {
  write("use/Dockerfile", "FROM alpine:latest AS one\nFROM scratch\nCOPY --from=one /n/a /image\nCOPY --from=extra a /extra\n");
  await strataOutput(root, "build", "-q", "-t", "local/plain", join(folder, "plain"));
  const layout = join(folder, "layout");
  await strataOutput(root, "copy", "local/plain", `oci:${layout}:v1`);
  const { digest } = (JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as { manifests: [{ digest: string }] }).manifests[0];
  const bases = [
    "alpine=docker-image://local/plain",
    `docker.io/library/alpine=oci-layout://${layout}:v1`,
    `alpine=oci-layout://${layout}@${digest}`,
    `alpine=oci-layout://${layout}`,
  ];
  const extras: readonly (readonly [string, string])[] = [
    [join(folder, "plain/sub"), "from below"],
    [`${git.base}/ctx.git#main`, "from git"],
    [`${git.base}/ctx.git#main:sub`, "below in git"],
    [`${files.base}/plain.tar.gz`, "from the context"],
  ];
  for (const base of bases)
    expect(await built("--build-context", base, "--build-context", `extra=${extras[0]![0]}`, join(folder, "use"))).toEqual({
      image: "from the context",
      extra: "from below",
    });
  for (const [source, text] of extras)
    expect(await built("--build-context", bases[0]!, "--build-context", `extra=${source}`, join(folder, "use"))).toEqual({
      image: "from the context",
      extra: text,
    });
  write("stage/Dockerfile", "FROM scratch AS mine\nCOPY <<EOF /n/a\nfrom the stage\nEOF\nFROM scratch\nCOPY --from=mine /n/a /a\n");
  expect(await built(join(folder, "stage"))).toEqual({ a: "from the stage" });
  expect(await built("--build-context", "mine=docker-image://local/plain", join(folder, "stage"))).toEqual({ a: "from the context" });
  const missing = await refused("--build-context", `alpine=oci-layout://${layout}:v2`, "--build-context", `extra=${folder}`, join(folder, "use"));
  expect(missing.stderr).toMatch(/the layout has no v2, only v1/);
  expect((await refused("--build-context", "x=s3://y", join(folder, "use"))).status).toBe(2);
});

test("a context of a stage's own name is the whole stage: as target, as base, by name and by number", async () => {
  write("own/Dockerfile", "FROM scratch AS mid\nLABEL from=stage\nCOPY stage /n/a\nFROM mid AS top\nCOPY --from=0 /n/a /zero\nCOPY --from=MID /n/a /named\n");
  write("own/stage", "from the stage");
  write("image/Dockerfile", "FROM scratch\nLABEL from=image\nCOPY plain/a /n/a\n");
  await strataOutput(root, "build", "-q", "-t", "local/labelled", "-f", join(folder, "image/Dockerfile"), folder);
  const image = ["--build-context", "mid=docker-image://local/labelled"];
  const text = "from the context";
  expect(await built("--target", "mid", join(folder, "own"))).toEqual({ "n/a": "from the stage" });
  expect(await built(...image, "--target", "mid", join(folder, "own"))).toEqual({ "n/a": text });
  expect(await built(...image, "--target", "0", join(folder, "own"))).toEqual({ "n/a": text });
  expect(await built(...image, join(folder, "own"))).toEqual({ "n/a": text, named: text, zero: text });
  await strataOutput(root, "build", "-q", "-t", "local/own", ...image, "--target", "mid", join(folder, "own"));
  const [{ Config }] = JSON.parse(await strataOutput(root, "image", "inspect", "local/own")) as [{ Config: { Labels: unknown } }];
  expect(Config.Labels).toEqual({ from: "image" });
  expect(await built("--build-context", `mid=${join(folder, "plain/sub")}`, "--target", "mid", join(folder, "own"))).toMatchObject({ a: "from below" });
});

test("FROM a named folder is its content", async () => {
  write("base/Dockerfile", "FROM rootfs\nCOPY --from=rootfs sub/a /again\n");
  const args = ["-t", "local/from-folder", "--build-context", `rootfs=${join(folder, "plain/sub")}`, join(folder, "base")];
  write("plain/sub/sub/a", "deeper");
  expect(await built(...args)).toMatchObject({ a: "from below", "sub/a": "deeper", again: "deeper" });
  await strataOutput(root, "build", "-q", ...args);
  const [image] = JSON.parse(await strataOutput(root, "image", "inspect", "local/from-folder")) as [{ RootFS: { Layers: string[] } }];
  expect(image.RootFS.Layers).toHaveLength(2);
  expect(await strataOutput(root, "history", "--no-trunc", "local/from-folder")).toMatch(/FROM rootfs/);
});

test("an image that skopeo wrote as a layout is a base; one that lost a blob is told", async () => {
  write("from/Dockerfile", "FROM base\nCOPY <<EOF /more\nm\nEOF\n");
  const [made, copied] = [join(folder, "layout-strata"), join(folder, "layout-skopeo")];
  await strataOutput(root, "build", "-q", "-t", "local/plain", join(folder, "plain"));
  await strataOutput(root, "copy", "local/plain", `oci:${made}:v1`);
  execFileSync("skopeo", ["copy", "--quiet", `oci:${made}:v1`, `oci:${copied}:v1`]);
  expect(await built("--build-context", `base=oci-layout://${copied}:v1`, join(folder, "from"))).toMatchObject({ "n/a": "from the context", more: "m" });
  execFileSync("sh", ["-c", `rm -r '${copied}'/blobs/sha256/*`]);
  const other = temporaryRoot();
  try {
    const lost = await runStrata(other, ["build", "--build-context", `base=oci-layout://${copied}:v1`, join(folder, "from")]);
    expect([lost.status, lost.stderr]).toEqual([1, expect.stringMatching(/Cannot use image oci-layout:.*blob sha256:[0-9a-f]{64} is missing/)]);
  } finally {
    other[Symbol.dispose]();
  }
});

test("a packed tar comes on stdin too", async () => {
  const packed = gzipSync(readFileSync(join(folder, "served/plain.tar")));
  for (const [input, name] of [
    [packed, "gz"],
    [readFileSync(join(folder, "served/plain.tar.xz")), "xz"],
  ] as const) {
    const out = join(folder, `stdin-${name}`);
    execFileSync(process.execPath, [join(import.meta.dirname, "../../bin/strata.js"), "build", "-q", "--output", `type=local,dest=${out}`, "-"], {
      input,
      env: root.env,
    });
    expect(readFileSync(join(out, "n/a"), "utf8")).toBe("from the context");
  }
});
