/** What copy writes beside what skopeo writes from the same image, file for file; each reads what the other wrote; and ends that are none leave nothing. */
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { findInLayout, nameInLayout } from "../../cli/copy/layout.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { strata as program, temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { serveImage } from "./fake-registry.ts";
import { writeLayout, writeSharing } from "./image.ts";
import { blob, manifestOf, noise, startRegistry, type TestRegistry } from "./registry.ts";

const run = promisify(execFile);
let root: TemporaryRoot;
let registry: TestRegistry;
let work: string;
let number = 0;

beforeAll(async () => {
  root = temporaryRoot();
  registry = await startRegistry({ logFormat: "none" });
  await writeLayout(join(root.root, "../one"), ["amd64"]);
  await writeLayout(join(root.root, "../many"), ["amd64", "arm64"]);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});
beforeEach(() => {
  work = join(root.root, `../work${(number += 1)}`);
  mkdirSync(work);
});

const source = (name: "one" | "many"): string => `oci:${join(root.root, "..", name)}:v1`;
const at = (name: string): string => join(work, name);
const skopeo = async (...args: readonly string[]): Promise<string> => (await run("skopeo", args)).stdout.trim();
const strata = async (...args: readonly string[]): Promise<string> => await strataOutput(root, "copy", "-q", ...args);

/** Every file below with its digest. */
function treeOf(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(folder.length + 1), createHash("sha256").update(readFileSync(path)).digest("hex")]),
  );
}

function indexIn(folder: string): unknown {
  const { schemaVersion, manifests } = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as Readonly<Record<string, unknown>>;
  return { schemaVersion, manifests };
}

const images: readonly { readonly name: "one" | "many"; readonly flags: readonly string[] }[] = [
  { name: "one", flags: [] },
  { name: "many", flags: ["--all"] },
];

test.each(images)("dir: of $name image(s) is the same, byte for byte, and either reads the other's", async ({ name, flags }) => {
  await skopeo("copy", "-q", ...flags, source(name), `dir:${at("theirs")}`);
  const digest = await strata(...flags, source(name), `dir:${at("ours")}`);
  expect(treeOf(at("ours"))).toEqual(treeOf(at("theirs")));
  expect(await strata(...flags, `dir:${at("theirs")}`, `dir:${at("again")}`)).toBe(digest);
  await skopeo("copy", "-q", ...flags, `dir:${at("ours")}`, `dir:${at("back")}`);
  for (const copy of ["again", "back"]) expect(treeOf(at(copy))).toEqual(treeOf(at("theirs")));
});

test.each(images)("oci: of $name image(s) has the same blobs and the same entry", async ({ name, flags }) => {
  await skopeo("copy", "-q", ...flags, source(name), `oci:${at("theirs")}:v1`);
  await strata(...flags, source(name), `oci:${at("ours")}:v1`);
  const blobs = (folder: string): unknown => treeOf(join(at(folder), "blobs"));
  expect(blobs("ours")).toEqual(blobs("theirs"));
  expect(indexIn(at("ours"))).toMatchObject(indexIn(at("theirs")) as object);
});

test.each([
  { kind: "oci-archive", called: "v1" },
  { kind: "oci-archive", called: "team/app:v2" },
  { kind: "docker-archive", called: "team/app:v2" },
])("$kind named $called: skopeo reads ours, we read skopeo's", async ({ kind, called }) => {
  const digest = await strata(source("one"), `${kind}:${at("ours.tar")}:${called}`);
  await skopeo("copy", "-q", `${kind}:${at("ours.tar")}:${called}`, `dir:${at("from-ours")}`);
  await skopeo("copy", "-q", source("one"), `${kind}:${at("theirs.tar")}:${called}`);
  const theirs = await strata(`${kind}:${at("theirs.tar")}:${called}`, `dir:${at("from-theirs")}`);
  if (kind === "oci-archive") expect([theirs, treeOf(at("from-ours"))]).toEqual([digest, treeOf(at("from-theirs"))]);
  const config = (name: string): unknown =>
    (JSON.parse(readFileSync(join(at(name), "manifest.json"), "utf8")) as { config: { digest: unknown } }).config.digest;
  expect(config("from-ours")).toBe(config("from-theirs"));
  expect((await runStrata(root, ["copy", `${kind}:${at("theirs.tar")}:other`, `dir:${at("never")}`])).stderr).toContain(`it holds ${called}`);
});

test("platforms that share a layer get it once, from wherever to wherever", async () => {
  const folder = at("shared");
  const top = await writeSharing(folder, ["amd64", "arm64", "s390x"]);
  const there = `docker://${registry.host}/shared:v1`;
  const places = [`oci:${folder}:v1`, there, `oci:${at("oci")}:v1`, `dir:${at("dir")}`, "shared:v1", `dir:${at("again")}`, `oci-archive:${at("all.tar")}:v1`];
  for (const [index, to] of places.slice(1).entries()) expect([to, await strata("--all", places[index]!, to)]).toEqual([to, top.digest]);
  await skopeo("copy", "-q", "--all", `oci:${folder}:v1`, `dir:${at("theirs")}`);
  for (const name of ["dir", "again"]) expect(treeOf(at(name))).toEqual(treeOf(at("theirs")));
});

test("dir: takes a folder that is empty or has an image, of which nothing stays, and no other", async () => {
  mkdirSync(at("empty"));
  await strata("--all", source("many"), `dir:${at("empty")}`);
  writeFileSync(at("empty/notes"), "mine");
  await strata(source("one"), `dir:${at("empty")}`);
  await strata(`dir:${at("empty")}`, `dir:${at("empty")}`);
  await skopeo("copy", "-q", source("one"), `dir:${at("theirs")}`);
  const { notes, ...image } = treeOf(at("empty"));
  expect([notes !== undefined, image]).toEqual([true, treeOf(at("theirs"))]);
  mkdirSync(at("other"));
  writeFileSync(at("other/file"), "x");
  for (const [place, says] of [
    [at("other"), "it is not empty and not a folder of an image"],
    [at("other/file"), "something else is there"],
    ["/proc/strata-none", "Cannot make the folder /proc/strata-none"],
  ] as const)
    expect(await runStrata(root, ["copy", "-q", source("one"), `dir:${place}`])).toMatchObject({ status: 1, stderr: expect.stringContaining(says) });
  expect(readdirSync(at("other"))).toEqual(["file"]);
});

test("a docker archive that is there keeps its images, as skopeo has it; an OCI archive is replaced", async () => {
  const archive = at("image.tar");
  writeFileSync(archive, "");
  await strata(source("one"), `docker-archive:${archive}:foo:1`);
  const before = readFileSync(archive);
  await expect(skopeo("copy", "-q", source("one"), `docker-archive:${archive}:foo:2`)).rejects.toThrow("doesn't support modifying existing images");
  expect(await runStrata(root, ["copy", "-q", source("one"), `docker-archive:${archive}:foo:2`])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("it is there already, and other images may be in it"),
  });
  expect(readFileSync(archive)).toEqual(before);
  expect((await runStrata(root, ["copy", `docker-archive:${archive}:foo:2`, `dir:${at("never")}`])).stderr).toContain("it holds foo:1\n");
  await strata(source("many"), `oci-archive:${archive}:v2`);
  await skopeo("copy", "-q", `oci-archive:${archive}:v2`, `dir:${at("dir")}`);
});

test("a list of images is refused by docker-archive:, with what to do instead", async () => {
  const to = `docker-archive:${at("all.tar")}`;
  await expect(skopeo("copy", "-q", "--all", source("many"), to)).rejects.toThrow("does not support copying multiple images");
  const refused = await runStrata(root, ["copy", "-q", "--all", source("many"), to]);
  expect([refused.status, refused.stderr, existsSync(at("all.tar"))]).toEqual([1, expect.stringMatching(/no room for a list of images\n.*--platform/), false]);
  await strata("--platform", "linux/arm64", source("many"), to);
});

test("of several images in a place those are named that can be asked for", async () => {
  await strata(source("one"), `oci:${at("oci")}:first`);
  await strata("--platform", "linux/arm64", source("many"), `oci:${at("oci")}:second`);
  const says = async (from: string): Promise<string> => (await runStrata(root, ["copy", "-q", from, `dir:${at("never")}`])).stderr;
  expect(await says(`oci:${at("oci")}`)).toContain("2 images fit: first, second\n");
  expect(await says(`oci:${at("oci")}:third`)).toContain("it holds first, second\n");
  expect(await says(`oci-archive:/etc/passwd`)).toContain("Cannot load /etc/passwd: ");
  expect(await says(`docker-archive:${at("none.tar")}`)).toContain("there is no such file");
});

test("a digest goes into a file or to standard output, which stays what it is", async () => {
  const digest = await strata(source("one"), `dir:${at("dir")}`);
  const file = at("out");
  execFileSync(
    "sh",
    ["-c", `echo first > ${file}; "$@" --digestfile /dev/fd/1 >> ${file}`, "-", process.execPath, program, "copy", "-q", source("one"), `dir:${at("dir")}`],
    {
      env: root.env,
    },
  );
  expect(readFileSync(file, "utf8")).toBe(`first\n${digest}${digest}\n`);
});

test("between registries: all platforms, from a registry to another repository of it without a byte, with the digest in a file", async () => {
  const [first, second] = ["a", "b"].map((name) => `docker://${registry.host}/copy/${name}:v1`) as [string, string];
  const digest = await strata("--all", source("many"), first);
  const { stderr } = await runStrata(root, ["copy", "--all", "--digestfile", at("digest"), first, second]);
  expect(stderr.match(/: Mounted\n/g)).toHaveLength(4);
  expect(readFileSync(at("digest"), "utf8")).toBe(digest);
  await skopeo("copy", "-q", "--all", "--src-tls-verify=false", second, `dir:${at("theirs")}`);
  await strata("--all", first, `dir:${at("ours")}`);
  expect(treeOf(at("ours"))).toEqual(treeOf(at("theirs")));
});

test("an archive that cannot be written whole is not there, and what was is as before", async () => {
  const disk = at("disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "strata-test-full", disk]);
  try {
    writeFileSync(join(disk, "image.tar"), "as before");
    for (const to of [`oci-archive:${join(disk, "image.tar")}:v1`, `dir:${join(disk, "dir")}`, `oci:${join(disk, "oci")}:v1`]) {
      const { status, stderr } = await runStrata(root, ["copy", "-q", source("one"), to]);
      expect([to, status, stderr]).toEqual([to, 1, expect.stringMatching(/ENOSPC/)]);
    }
    const files = Object.keys(treeOf(disk)).filter((name) => name.endsWith(".part") || name.endsWith("manifest.json") || name.endsWith("index.json"));
    expect([readFileSync(join(disk, "image.tar"), "utf8"), files]).toEqual(["as before", []]);
  } finally {
    execFileSync("umount", ["-l", disk]);
  }
});

test("a registry that sends other bytes, or indexes without end, is named, and no image is written", async () => {
  const config = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } }), MEDIA_TYPE.config);
  const layer = blob(noise(10_000));
  const image = manifestOf(config, [layer]);
  await using liar = await serveImage(image, [config, layer], (_request, response, part) => part === layer && response.end(noise(10_000, 5)) !== undefined);
  const wrong = await runStrata(root, ["copy", `docker://${liar.host}/app:v1`, `dir:${at("dir")}`]);
  expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining(`Cannot copy ${layer.descriptor.digest} from ${liar.host}/app: `)]);
  expect(existsSync(at("dir/manifest.json"))).toBe(false);
  const chain = [image];
  for (let depth = 0; depth < 12; depth += 1)
    chain.unshift(blob(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [chain[0]!.descriptor] }), MEDIA_TYPE.index));
  await using deep = await serveImage(chain[0]!, [...chain, config, layer]);
  const { status, stderr } = await runStrata(root, ["copy", "--all", `docker://${deep.host}/app:v1`, `oci:${at("oci")}:v1`]);
  expect([status, stderr]).toEqual([1, expect.stringContaining("indexes deep")]);
  expect(existsSync(at("oci/index.json"))).toBe(false);
  rmSync(work, { recursive: true });
});

test.each(["oci", "dir"])("of an %s: folder, what is no plain file is refused by its name, and nobody waits for it", { timeout: 60_000 }, async (kind) => {
  await writeLayout(at("own"), [kind === "oci" ? "s390x" : "riscv64"]); // whose layer is in no other place yet
  await strata(`oci:${at("own")}:v1`, `${kind}:${at("from")}`);
  const folder = kind === "oci" ? join(at("from"), "blobs/sha256") : at("from");
  const isLayer = (name: string): boolean => statSync(join(folder, name)).size > 100_000;
  const [layer] = readdirSync(folder).filter(isLayer) as [string];
  for (const [path, to] of [
    [join(folder, layer), [`dir:${at("to")}`, `docker://${registry.host}/copy/pipe:${kind}`, "pipe:v1"]],
    [join(at("from"), kind === "oci" ? "index.json" : "manifest.json"), [`dir:${at("to")}`]],
  ] as const) {
    renameSync(path, at("aside"));
    for (const make of [() => execFileSync("mkfifo", [path]), () => symlinkSync("/dev/zero", path)]) {
      make();
      for (const target of to) {
        const { status, stderr } = await runStrata(root, ["copy", "-q", `${kind}:${at("from")}`, target]);
        expect([status, stderr]).toEqual([1, expect.stringMatching(new RegExp(`${path}: it is a (?:named pipe|device), not a file`))]);
      }
      rmSync(path);
    }
    renameSync(at("aside"), path);
  }
});

test("images that are named in an OCI layout at the same time are all in it, and no lock stays", async () => {
  const digest = await strata(source("one"), `oci:${at("oci")}:first`);
  const descriptor = await findInLayout(at("oci"), "first");
  const names = Array.from({ length: 12 }, (_, n) => `t${n}`);
  await Promise.all(names.map(async (name) => await nameInLayout(at("oci"), name, descriptor)));
  for (const name of ["first", ...names]) expect(await findInLayout(at("oci"), name)).toMatchObject({ digest });
  expect(readdirSync(at("oci")).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
});
