/** `strata build --platform`: one index, stages of the machine built once, foreign programs run by the kernel's handler, and what other verbs make of it. */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveStrata } from "../support/cli.ts";
import { BOX_IMAGE, openBox, type Box } from "../support/box.ts";
import { startDockerd } from "../support/dockerd.ts";
import { isRunHere, registerArm64, writerForArm64 } from "../support/foreign.ts";

const run = promisify(execFile);
const THREE = "linux/amd64,linux/arm64/v8,linux/arm/v7";
let box: Box;
let folder: string;
let context: string;
const at = (...names: readonly string[]): string => join(folder, ...names);
const text = async (program: string, ...args: readonly string[]): Promise<string> => (await run(program, args, { maxBuffer: 64 << 20 })).stdout;

interface Index {
  readonly mediaType: string;
  readonly annotations?: Record<string, string>;
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: { readonly architecture: string; readonly variant?: string };
    readonly annotations?: Record<string, string>;
  }[];
}
const parse = (json: string): Index => JSON.parse(json) as Index;
const platforms = ({ manifests }: Index): readonly string[] => manifests.map(({ platform: { architecture, variant = "" } }) => architecture + variant);

/** Everything that was said, on both streams. */
async function build(dockerfile: string, ...args: readonly string[]): Promise<string> {
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  const { status, stdout, stderr } = await box.attempt("build", "--progress", "plain", ...args, context);
  expect(status, stderr).toBe(0);
  return stderr + stdout;
}

async function refused(dockerfile: string, ...args: readonly string[]): Promise<string> {
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  const { status, stderr } = await box.attempt("build", "--progress", "plain", ...args, context);
  expect(status).toBe(1);
  return stderr;
}

beforeAll(async () => {
  box = await openBox("sh cat ln mkdir");
  folder = join(dirname(box.root.root), "work");
  context = join(folder, "context");
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, "file"), "content\n");
  writeFileSync(join(context, "write"), writerForArm64("/made"), { mode: 0o755 });
});
afterAll(async () => await box[Symbol.asyncDispose]());

const CROSS = `FROM --platform=$BUILDPLATFORM ${BOX_IMAGE} AS build
ARG BUILDPLATFORM
RUN echo "built on $BUILDPLATFORM" > /made
FROM ${BOX_IMAGE} AS amd64
FROM scratch AS arm64
FROM scratch AS arm
ARG TARGETARCH
FROM $TARGETARCH
ARG TARGETPLATFORM
COPY --from=build /made /made
ENV FOR=$TARGETPLATFORM
CMD ["cat", "/made"]
`;

test("three platforms: one index, the machine's stage made once, other verbs take it", async () => {
  const said = await build(CROSS, "--platform", THREE, "-t", "team/cross:1", "--metadata-file", at("meta.json"), "--iidfile", at("iid"));
  expect(said.match(/RUN echo/g)).toHaveLength(1);
  expect(said).toContain("[linux/arm/v7 stage-4 2/2] COPY --from=build");
  const meta = JSON.parse(readFileSync(at("meta.json"), "utf8")) as Record<string, unknown>;
  expect(meta["containerimage.descriptor"]).toMatchObject({ mediaType: "application/vnd.oci.image.index.v1+json", digest: readFileSync(at("iid"), "utf8") });
  expect(meta["containerimage.config.digest"]).toBeUndefined();
  const here = await box.strata("images", "--format", "{{.Repository}}:{{.Tag}}", "team/cross");
  expect(here).toBe("team/cross:1");
  const variable = async (...flags: readonly string[]): Promise<string> =>
    await box.strata("image", "inspect", ...flags, "-f", "{{index .Config.Env 1}}", "team/cross:1");
  expect([await variable(), await variable("--platform", "linux/arm/v7"), await variable("--platform", "arm64")]).toEqual([
    `FOR=${process.arch === "arm64" ? "linux/arm64" : "linux/amd64"}`,
    "FOR=linux/arm/v7",
    "FOR=linux/arm64",
  ]);
  expect(await box.strata("run", "--rm", "--network", "none", "team/cross:1")).toBe("built on linux/amd64");
  await box.strata("save", "-o", at("saved.tar"), "team/cross:1");
  expect(platforms(parse(await text("skopeo", "inspect", "--raw", `oci-archive:${at("saved.tar")}:1`)))).toEqual(["amd64", "arm64", "armv7"]);
  await using engine = await startDockerd();
  expect(await engine.docker("load", "-i", at("saved.tar"))).toContain("Loaded image: team/cross:1");
});

test("push sends all of them, again the same; of an index that is here in parts, the parts", async () => {
  await using server = await serveStrata(box.root, ["registry", "serve", "--listen", "127.0.0.1:0"], /127\.0\.0\.1:(\d+)/);
  const host = `127.0.0.1:${server.match[1]}`;
  const name = `${host}/cross:1`;
  await build(
    CROSS,
    "--platform",
    THREE,
    "--push",
    "-t",
    name,
    "--annotation",
    "index:of=all",
    "--annotation",
    "manifest-descriptor[linux/arm64]:only=arm64",
    "--metadata-file",
    at("meta.json"),
  );
  const raw = async (): Promise<Index> => parse(await text("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${name}`));
  const index = await raw();
  expect([platforms(index), index.annotations]).toEqual([["amd64", "arm64", "armv7"], { of: "all" }]);
  expect(index.manifests.map(({ annotations }) => annotations)).toEqual([undefined, { only: "arm64" }, undefined]);
  const layers = await text("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${host}/cross@${index.manifests[1]!.digest}`);
  expect(layers).toContain("tar+gzip");
  expect(await box.strata("push", "-q", name)).toBe(name);
  expect(await raw()).toEqual(index);
  await using other = await openBox("true");
  await other.strata("pull", "-q", "--platform", "linux/amd64", name);
  await other.strata("pull", "-q", "--platform", "linux/arm64", name);
  await other.strata("push", "-q", name);
  expect(platforms(await raw())).toEqual(["amd64", "arm64"]);
  expect(await refused(`FROM ${name}\n`, "--pull", "--platform", "linux/s390x")).toMatch(/no image for linux\/s390x, only for linux\/amd64, linux\/arm64/);
});

test("a base that is an index gives each platform its own; one that it lacks is told with those that are there", async () => {
  await build(
    "FROM scratch\nARG TARGETARCH\nENV BASE=$TARGETARCH\nCOPY file /base-$TARGETARCH\n",
    "--platform",
    "linux/amd64,linux/arm64",
    "-t",
    "local/base:1",
  );
  await build("FROM local/base:1\n", "--platform", "linux/arm64", "--build-arg", "BUILDKIT_MULTI_PLATFORM=1", "-t", "local/foreign:1");
  expect(await box.strata("image", "inspect", "-f", "{{.Architecture}}", "local/foreign:1")).toBe("arm64");
  expect((await box.attempt("run", "--rm", "--pull", "never", "local/foreign:1")).stderr).toMatch(/linux\/amd64/);
  rmSync(at("out"), { recursive: true, force: true });
  await build("FROM local/base:1\nCOPY file /own\n", "--platform", "linux/arm64,linux/amd64", "-o", at("out"));
  expect((await text("find", at("out"), "-type", "f", "-printf", "%P\n")).trim().split("\n").sort()).toEqual([
    "linux_amd64/base-amd64",
    "linux_amd64/own",
    "linux_arm64/base-arm64",
    "linux_arm64/own",
  ]);
  await build("FROM local/base:1\n", "--platform", "linux/arm64,linux/amd64", "-o", `type=tar,dest=${at("files.tar")},platform-split=false`);
  expect((await text("tar", "-tf", at("files.tar"))).trim().split("\n")).toEqual(["base-amd64", "base-arm64"]);
  mkdirSync(at("outside"), { recursive: true });
  mkdirSync(join(context, "link"), { recursive: true });
  writeFileSync(join(context, "link/below"), "theirs");
  const hostile = `FROM scratch AS amd64\nCOPY link /link\nFROM ${BOX_IMAGE} AS make\nRUN mkdir /d && ln -s ${at("outside")} /d/link\nFROM scratch AS arm64\nCOPY --from=make /d /\nARG TARGETARCH\nFROM $TARGETARCH\n`;
  await build(hostile, "--platform", "linux/amd64,linux/arm64", "-o", `type=local,dest=${at("flat")},platform-split=false`);
  expect([readdirSync(at("outside")), readdirSync(at("flat"))]).toEqual([[], ["link"]]);
  expect(await refused("FROM local/base:1\n", "--platform", "linux/amd64,linux/riscv64")).toMatch(
    /Cannot use image local\/base:1.* for linux\/riscv64: it is for linux\/amd64, linux\/arm64/,
  );
});

test("a base without platforms is taken for any, and told when it is for another", async () => {
  const foreign = process.arch === "arm64" ? "amd64" : "arm64";
  const said = await build(`FROM ${BOX_IMAGE}\nRUN echo native > /native\n`, "--platform", `linux/${foreign}`);
  expect(said).toMatch(new RegExp(`InvalidBaseImagePlatform: Base image ${BOX_IMAGE} was pulled with platform "linux/\\w+", expected "linux/${foreign}"`));
});

test("an index of one on request; the same platform twice is one", async () => {
  await build("FROM scratch\nCOPY file /\n", "--build-arg", "BUILDKIT_MULTI_PLATFORM=1", "-o", `type=oci,dest=${at("one")},tar=false`);
  expect(parse(await text("skopeo", "inspect", "--raw", `oci:${at("one")}`)).manifests).toHaveLength(1);
  await build("FROM scratch\nCOPY file /\n", "--platform", "linux/arm64", "--platform", "linux/arm64/v8", "-o", `type=oci,dest=${at("plain")},tar=false`);
  expect(parse(await text("skopeo", "inspect", "--raw", `oci:${at("plain")}`)).mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
});

const FOREIGN = 'FROM scratch AS files\nCOPY write /write\nFROM files\nRUN ["/write"]\n';

test("RUN of another architecture goes through the kernel's handler", async () => {
  using _handler = isRunHere("arm64", folder) ? undefined : registerArm64(folder);
  rmSync(at("out"), { recursive: true, force: true });
  await build(FOREIGN, "--platform", "linux/arm64", "-o", at("out"));
  expect(readFileSync(at("out/made"), "utf8")).toBe("arm64\n");
});

test("without a handler it is refused with step, platform and package; COPY goes on", async () => {
  const lacking = ["loong64", "riscv64", "s390x", "ppc64le", "mips64"].find((architecture) => !isRunHere(architecture, folder));
  expect(lacking, "this machine runs the programs of every architecture that is tried").toBeDefined();
  const said = await refused(FOREIGN, "--platform", `linux/${lacking}`);
  expect(said).toMatch(new RegExp(`Cannot run "/write" for linux/${lacking}: this machine is linux/\\w+ and does not run ${lacking} programs`));
  expect(said).toContain('>>> RUN ["/write"]');
  expect(said).toContain("Install the package qemu-user-static");
  await build("FROM scratch\nCOPY write /write\nWORKDIR /w\nENV A=b\n", "--platform", `linux/${lacking}`);
  expect(await refused(FOREIGN, "--platform", "windows/amd64")).toContain("no emulator for it is known");
});
