/** `strata build --output`: every kind, read by skopeo, podman and a real docker; annotations; the files about the result. */
import { execFile } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { serveStrata } from "../support/cli.ts";
import { startDockerd } from "../support/dockerd.ts";
import { eventually } from "../support/cluster.ts";
import { BOX_IMAGE, openBox, type Box } from "../support/box.ts";
import { podmanStore } from "../support/podman.ts";
import { strata } from "../support/root.ts";

const run = promisify(execFile);
let box: Box;
let folder: string;
let context: string;
const at = (...names: readonly string[]): string => join(folder, ...names);
const build = async (...args: readonly string[]): Promise<string> => await box.strata("build", "-q", ...args, context);
const refused = async (...args: readonly string[]): Promise<string> => (await box.attempt("build", "-q", ...args, context)).stderr;
const text = async (program: string, ...args: readonly string[]): Promise<string> => (await run(program, args, { maxBuffer: 64 << 20 })).stdout;
const readJson = (path: string): Json => JSON.parse(readFileSync(path, "utf8")) as Json;

interface Json {
  readonly [key: string]: unknown;
  readonly mediaType: string;
  readonly layers: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[];
  readonly manifests: readonly { readonly annotations?: Record<string, string>; readonly digest: string }[];
  readonly annotations?: Record<string, string>;
}

beforeAll(async () => {
  box = await openBox("sh cat ls ln mkfifo mknod chmod");
  folder = join(dirname(box.root.root), "work");
  context = join(folder, "context");
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, "text"), "words ".repeat(20_000));
  writeFileSync(join(context, "Dockerfile"), `FROM ${BOX_IMAGE}\nCOPY text /data/text\nCMD ["cat","/data/text"]\n`);
});
afterAll(async () => await box[Symbol.asyncDispose]());
beforeEach(() => rmSync(at("out"), { recursive: true, force: true }));

async function rawManifest(place: string): Promise<Json> {
  return JSON.parse(await text("skopeo", "inspect", "--raw", place)) as Json;
}

describe("archives", () => {
  const forms = [
    { fields: "", layer: "+gzip" },
    { fields: ",compression=gzip,compression-level=9", layer: "+gzip" },
    { fields: ",compression=zstd,compression-level=19", layer: "+zstd" },
    { fields: ",compression=uncompressed", layer: ".tar" },
  ];
  test.each(forms)("type=oci$fields is read by skopeo and copied by it", async ({ fields, layer }) => {
    await build("-o", `type=oci,dest=${at("image.tar")}${fields}`, "-t", "team/app:v1");
    const { mediaType, layers } = await rawManifest(`oci-archive:${at("image.tar")}:v1`);
    expect(mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
    expect(layers.map(({ mediaType: type }) => type.endsWith(layer))).toEqual([true, true]);
    await text("skopeo", "--insecure-policy", "copy", "-q", `oci-archive:${at("image.tar")}:v1`, `dir:${at("out")}`);
    expect(await box.strata("images", "-q", "team/app")).toBe(""); // an archive is no image of the store
  });

  test("a higher level is smaller, and both are kept: the second time nothing is packed", async () => {
    const sizes: number[] = [];
    for (const level of [0, 1, 9]) {
      await build("-o", `type=oci,dest=${at("image.tar")},compression-level=${level}`);
      sizes.push((await rawManifest(`oci-archive:${at("image.tar")}`)).layers[1]!.size);
    }
    expect(sizes.toSorted((a, b) => b - a)).toEqual(sizes);
    const first = readFileSync(at("image.tar"));
    const blobs = readdirSync(join(box.root.root, "blobs/sha256")).sort();
    await build("-o", `type=oci,dest=${at("image.tar")},compression-level=9`);
    expect(readFileSync(at("image.tar")).equals(first)).toBe(true);
    expect(readdirSync(join(box.root.root, "blobs/sha256")).sort()).toEqual(blobs);
  });

  test("tar=false is a layout that skopeo reads, and a second image joins the first", async () => {
    await build("-o", `type=oci,dest=${at("out")},tar=false`, "-t", "team/app:v1");
    await build("-o", `type=oci,dest=${at("out")},tar=false,"name=team/app:v2"`);
    expect(readJson(at("out/index.json")).manifests.map(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"])).toEqual(["v1", "v2"]);
    expect((await rawManifest(`oci:${at("out")}:v2`)).layers).toHaveLength(2);
  });

  test.each(["oci", "docker"])("podman loads type=%s", async (type) => {
    await build("-o", `type=${type},dest=${at("image.tar")}`, "-t", "team/app:v1");
    const podman = podmanStore(folder);
    expect(await text("podman", ...podman, "load", "-q", "-i", at("image.tar"))).toContain("app:v1");
    const [id = ""] = (await text("podman", ...podman, "images", "-q")).split("\n");
    expect((await text("podman", ...podman, "image", "inspect", "--format", "{{json .Config.Cmd}}", id)).trim()).toBe('["cat","/data/text"]');
    await text("podman", ...podman, "rmi", "--all", "--force");
  });

  test("docker loads type=docker under its names and runs nothing else than what was built", async () => {
    await build("-o", `type=docker,dest=${at("docker.tar")},"name=team/app:v1,team/app:v2"`);
    await using engine = await startDockerd();
    expect(await engine.docker("load", "-i", at("docker.tar"))).toBe("Loaded image: team/app:v1\nLoaded image: team/app:v2");
    const id = await build("-t", "same");
    expect(await engine.docker("image", "inspect", "--format", "{{.Id}}", "team/app:v2")).toBe(id);
  });

  test("without a place docker's archive goes into the store", async () => {
    await build("-o", "type=docker,name=team/kept:1");
    expect(await box.strata("images", "--format", "{{.Repository}}:{{.Tag}}", "team/kept")).toBe("team/kept:1");
  });
});

describe("files", () => {
  test("several outputs of one build; folder and tar hold the same files", async () => {
    await build("-o", at("out"), "-o", `type=tar,dest=${at("files.tar")}`, "-o", "type=cacheonly");
    expect(readFileSync(at("out/data/text"), "utf8")).toHaveLength(120_000);
    const names = (await text("find", at("out"), "-mindepth", "1", "-printf", "%P\n")).trim().split("\n").sort();
    const inTar = (await text("tar", "-tf", at("files.tar")))
      .trim()
      .split("\n")
      .map((name) => name.replace(/\/$/, ""));
    expect(inTar.sort()).toEqual(names);
    const { stdout } = await run("sh", ["-c", `"$@" | tar -xO data/text | wc -c`, "sh", process.execPath, strata, "build", "-q", "-o", "-", context], {
      env: box.root.env,
    });
    expect(stdout.trim()).toBe("120000");
    expect(await refused("-o", "-", "-o", "type=oci,dest=-")).toContain("Cannot write two outputs to standard output");
  });

  test("what is there stays, links in the way are not followed, mode=delete leaves the result alone", async () => {
    mkdirSync(at("out/data/text/below"), { recursive: true });
    mkdirSync(at("outside"), { recursive: true });
    writeFileSync(at("outside/passwd"), "mine");
    writeFileSync(at("out/kept"), "kept");
    symlinkSync(at("outside"), at("out/etc"));
    symlinkSync(at("outside/passwd"), at("out/var"));
    await build("-o", at("out"));
    expect([readFileSync(at("outside/passwd"), "utf8"), readdirSync(at("outside"))]).toEqual(["mine", ["passwd"]]);
    expect([lstatSync(at("out/etc")).isDirectory(), lstatSync(at("out/var")).isDirectory(), readFileSync(at("out/kept"), "utf8")]).toEqual([
      true,
      true,
      "kept",
    ]);
    expect([statSync(at("out/data/text")).isFile(), readlinkSync(at("out/bin"))]).toEqual([true, "usr/bin"]);
    symlinkSync(at("outside"), at("out/data/link"));
    await build("-o", `type=local,dest=${at("out")},mode=delete`);
    expect([existsSync(at("out/kept")), readdirSync(at("out/data")), readdirSync(at("outside"))]).toEqual([false, ["text"], ["passwd"]]);
  });

  test("links, pipes, devices and set-id bits arrive; the files are the builder's own", async () => {
    const file = join(context, "special");
    writeFileSync(file, `FROM ${BOX_IMAGE}\nRUN echo a > /a; ln /a /b; chmod 4755 /a; mkfifo /pipe; mknod /null c 1 3; ln -s /nowhere /link\n`);
    await build("-f", file, "-o", at("out"), "-o", `type=tar,dest=${at("files.tar")}`);
    const [a, b, pipe, device] = ["a", "b", "pipe", "null"].map((name) => lstatSync(at("out", name)));
    expect([a?.ino === b?.ino, a?.mode, a?.uid, a?.mtimeMs]).toEqual([true, 0o104755, process.getuid?.(), 315_532_801_000]);
    expect([pipe?.isFIFO(), device?.isCharacterDevice(), device?.rdev, readlinkSync(at("out/link"))]).toEqual([true, true, 0x103, "/nowhere"]);
    expect(await text("tar", "-tvf", at("files.tar"))).toMatch(/^hrwsr-xr-x .* b link to a$[^]*^crw.* null$[^]*^prw.* pipe$/m);
  });

  test("open files are written as they are", async () => {
    const { stdout } = await run(
      "sh",
      ["-c", `"$@" --iidfile /dev/stdout ${context} > ${at("log")}; cat ${at("log")}`, "sh", process.execPath, strata, "build", "-q"],
      { env: box.root.env },
    );
    expect(stdout).toMatch(/sha256:[0-9a-f]{64}\n$/);
    await build("-o", "type=tar,dest=/dev/null");
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
  });

  test("a named pipe is written when somebody reads it, and refused when nobody does", async () => {
    await run("mkfifo", [at("named")]);
    const gone = /Cannot write the result to .*named: ENXIO/;
    expect([await refused("--iidfile", at("named")), await refused("-o", `type=tar,dest=${at("named")}`)].map((said) => gone.test(said))).toEqual([true, true]);
    const reading = run("cat", [at("named")]);
    await eventually(async () => await build("--iidfile", at("named")));
    expect((await reading).stdout).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test.each(["--iidfile", "--metadata-file"])("a %s that cannot be written is named", async (flag) => {
    expect(await refused(flag, at("missing/file"))).toMatch(/Cannot write the result to .*missing\/file: ENOENT/);
    expect(await refused(flag, context)).toMatch(/Cannot write the result to .*: EISDIR/);
  });

  test("a file that cannot be finished leaves the old one and nothing half", async () => {
    writeFileSync(at("image.tar"), "old");
    mkdirSync(at("full"), { recursive: true });
    await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", at("full")]);
    try {
      writeFileSync(at("full/image.tar"), "old");
      expect(await refused("-o", `type=oci,dest=${at("full/image.tar")}`)).toMatch(/Cannot write the result to .*image\.tar: ENOSPC/);
      expect([readdirSync(at("full")), readFileSync(at("full/image.tar"), "utf8")]).toEqual([["image.tar"], "old"]);
      expect(await refused("-o", `type=local,dest=${at("full/new")}`)).toMatch(/Cannot write the result to .*: ENOSPC/);
      expect(readdirSync(at("full"))).toEqual(["image.tar"]);
    } finally {
      await run("umount", [at("full")]);
    }
  });
});

describe("the registry", () => {
  test("pushes zstd and by digest, and says in the metadata what it pushed", async () => {
    await using server = await serveStrata(box.root, ["registry", "serve", "--listen", "127.0.0.1:0"], /127\.0\.0\.1:(\d+)/);
    const host = `127.0.0.1:${server.match[1]}`;
    await build("-o", `type=image,name=${host}/app:v1,push=true,compression=zstd,force-compression=true,store=false`, "--metadata-file", at("meta.json"));
    const raw = await text("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${host}/app:v1`);
    expect((JSON.parse(raw) as Json).layers.every(({ mediaType }) => mediaType.endsWith("+zstd"))).toBe(true);
    const { digest } = JSON.parse(await text("skopeo", "inspect", "--tls-verify=false", `docker://${host}/app:v1`)) as {
      digest?: string;
      Digest?: string;
    } & Json;
    const meta = readJson(at("meta.json"));
    expect(meta).toMatchObject({ "image.name": `${host}/app:v1`, "containerimage.descriptor": { size: raw.length } });
    expect(digest ?? meta["containerimage.digest"]).toBe(meta["containerimage.digest"]);
    expect(await box.strata("images", "-q", `${host}/app`)).toBe("");
    await build("-o", `type=registry,name=${host}/bare,push-by-digest=true`, "--metadata-file", at("meta.json"));
    const pushed = String(readJson(at("meta.json"))["containerimage.digest"]);
    await text("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${host}/bare@${pushed}`);
    await expect(text("skopeo", "inspect", "--tls-verify=false", `docker://${host}/bare:latest`)).rejects.toThrow("manifest unknown");
    expect(await refused("-o", `type=image,name=${host}/bare:v1,push=true,push-by-digest=true`)).toContain("it has a tag");
    await build("-o", `type=registry,name=${host}/typed:1,oci-mediatypes=false`);
    const typed = JSON.parse(await text("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${host}/typed:1`)) as Json;
    expect([typed.mediaType, typed.layers[0]?.mediaType]).toEqual([
      "application/vnd.docker.distribution.manifest.v2+json",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ]);
    await build("--push", "-t", `${host}/plain:v1`, "-t", `${host}/plain:v2`);
    const { stderr: told } = await box.attempt("build", "--push", "-t", `${host}/told:v1`, context);
    expect(told).toMatch(/^#\d+ pushing manifest for 127\.0\.0\.1:\d+\/told:v1@sha256:[0-9a-f]{64} .*done$/m);
    expect(told.split("\n").filter((line) => line !== "" && !/^(?:#\d+| \d| -)/.test(line))).toEqual([]); // nothing beside the steps
    expect(JSON.parse(await text("skopeo", "list-tags", "--tls-verify=false", `docker://${host}/plain`))).toMatchObject({ Tags: ["v1", "v2"] });
  });
});

describe("names, annotations and files about the result", () => {
  test("annotations reach manifest and descriptor, by flag and by output", async () => {
    await build(
      "-o",
      `type=oci,dest=${at("out")},tar=false,annotation.two=2,annotation-manifest-descriptor.four=4`,
      "--annotation",
      "one=1,x",
      "--annotation",
      "manifest,manifest-descriptor:three=3",
    );
    expect((await rawManifest(`oci:${at("out")}`)).annotations).toEqual({ one: "1,x", two: "2", three: "3" });
    expect(readJson(at("out/index.json")).manifests[0]?.annotations).toEqual({ three: "3", four: "4" });
  });

  test("canonical and dangling names; the id file", async () => {
    await build("-o", "type=image,name=team/canon:1,name-canonical=true", "--metadata-file", at("meta.json"), "--iidfile", at("iid"));
    const meta = readJson(at("meta.json"));
    expect(meta["image.name"]).toBe(`docker.io/team/canon:1,docker.io/team/canon@${String(meta["containerimage.digest"])}`);
    expect(readFileSync(at("iid"), "utf8")).toBe(meta["containerimage.config.digest"]);
    await build("-o", "type=image,dangling-name-prefix=lost,compression=zstd", "--metadata-file", at("meta.json"));
    expect(String(readJson(at("meta.json"))["image.name"])).toMatch(/^docker\.io\/library\/lost@sha256:[0-9a-f]{64}$/);
  });

  const wrong = [
    { args: ["-o", "type=oci,dest=x,chunks=2"], says: /Cannot use chunks in --output .*type=oci knows compression/ },
    { args: ["-o", "type=zip"], says: /Cannot use type=zip .*expected image, registry/ },
    { args: ["-o", "type=oci,dest=x,compression=estargz"], says: /Cannot use compression=estargz .*expected uncompressed, gzip, zstd/ },
    { args: ["-o", "type=image,compression=nydus"], says: /Cannot use compression=nydus/ },
    { args: ["-o", "type=oci,dest=x,compression-level=10"], says: /compression-level=10 .*gzip has 0 to 9/ },
    { args: ["-o", "type=oci,dest=x,compression=zstd,compression-level=23"], says: /zstd has 1 to 22/ },
    { args: ["-o", "type=image,push=maybe"], says: /push=maybe .*expected true or false/ },
    { args: ["-o", "type=local"], says: /it needs dest=FOLDER/ },
    { args: ["-o", "type=local,dest=x,mode=move"], says: /mode=move .*expected copy or delete/ },
    { args: ["-o", "type=oci,tar=false"], says: /a folder needs dest=FOLDER/ },
    { args: ["--annotation", "layer:a=b"], says: /level layer is none of manifest, index/ },
    { args: ["--annotation", "index:a=b"], says: /not supported for single platform export/ },
    { args: ["--annotation", "manifest[linux/s390x]:a=b"], says: /Cannot annotate linux\/s390x .*the build is for linux\// },
    { args: ["--push"], says: /Cannot push the image: it has no name/ },
  ];
  test.each(wrong)("refuses $args", async ({ args, says }) => {
    expect(await refused(...args)).toMatch(says);
    expect(existsSync("x")).toBe(false);
  });
});
