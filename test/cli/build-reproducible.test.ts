/** The same bytes wherever and whenever: image, index, archives in every compression, and tar, from two roots on machines as different as they can be. */
import { createHash } from "node:crypto";
import { execFile } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BOX_IMAGE, openBox, type Box } from "../support/box.ts";
import { strata } from "../support/root.ts";

const run = promisify(execFile);
const DOCKERFILE = `FROM ${BOX_IMAGE} AS one
RUN mkdir -p /out && for i in 1 2 3; do echo $i > /out/one$i; done
FROM ${BOX_IMAGE} AS two
RUN echo two > /two; ln /two /again; ls -i / > /dev/null
FROM ${BOX_IMAGE} AS three
WORKDIR /made/here
COPY --chown=7:8 . .
FROM ${BOX_IMAGE}
ARG TARGETARCH
COPY --from=one /out /out
COPY --from=two /two /again /pair/
COPY --from=three /made /made
ENV B=2 A=1
LABEL z=1 a=2
RUN echo $TARGETARCH > /architecture
`;
const NAMES = Array.from({ length: 300 }, (_, at) => `file-${(at * 7919) % 1000}`);
const OUTPUTS = ["oci,compression=gzip", "oci,compression=zstd,compression-level=7", "oci,compression=uncompressed", "docker", "tar"];
let one: Box;
let two: Box;

beforeAll(async () => {
  [one, two] = await Promise.all([openBox("sh ls ln mkdir cat"), openBox("sh ls ln mkdir cat")]);
});
afterAll(async () => {
  await one[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
});

/** The same files, made in the order of `names`, at another time. */
function writeContext(box: Box, names: readonly string[], time: number): string {
  const folder = join(dirname(box.root.root), "context");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "sub/deep"), { recursive: true });
  for (const name of names) writeFileSync(join(folder, "sub", name), `${name}\n`.repeat(100));
  writeFileSync(join(folder, "sub/ünï çödé"), "names\n");
  linkSync(join(folder, "sub/ünï çödé"), join(folder, "sub/deep/linked"));
  symlinkSync("ünï çödé", join(folder, "sub/link"));
  writeFileSync(join(folder, "Dockerfile"), DOCKERFILE);
  for (const path of [...NAMES.map((name) => `sub/${name}`), "sub/ünï çödé", "Dockerfile"]) {
    chmodSync(join(folder, path), 0o644);
    utimesSync(join(folder, path), time, time);
  }
  for (const path of ["sub/deep", "sub", "."]) chmodSync(join(folder, path), 0o755);
  return folder;
}

interface Conditions {
  readonly umask: string;
  readonly cores: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Digest of the image, and of each output's bytes. */
async function digests(box: Box, context: string, { umask, cores, env }: Conditions, ...args: readonly string[]): Promise<readonly string[]> {
  const out = join(dirname(box.root.root), "out");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  const places = OUTPUTS.map((output, at) => [output, join(out, `${at}.tar`)] as const);
  const outputs = places.flatMap(([output, place]) => ["-o", `type=${output},dest=${place}`]);
  const command = [
    strata,
    "build",
    "-q",
    "-t",
    "same:v1",
    "--no-cache",
    ...args,
    "-o",
    "type=image",
    ...outputs,
    "--metadata-file",
    join(out, "meta.json"),
    context,
  ];
  await run("taskset", ["-c", cores, "sh", "-c", `umask ${umask}; exec "$@"`, "sh", process.execPath, ...command], { env: { ...box.root.env, ...env } });
  const hashes = places.map(([output, place]) => `${output} ${createHash("sha256").update(readFileSync(place)).digest("hex")}`);
  return [await box.strata("images", "-q", "--no-trunc", "same"), ...hashes];
}

const HERE: Conditions = { umask: "022", cores: "0-1023", env: { TZ: "UTC", LC_ALL: "C" } };

/** Another year by the clock that programs ask. */
function later(box: Box): NodeJS.ProcessEnv {
  const file = join(dirname(box.root.root), "later.cjs");
  writeFileSync(
    file,
    "const now = Date.now; const step = 400 * 86400e3; Date = class extends Date { constructor(...a) { a.length ? super(...a) : super(now() + step); } static now() { return now() + step; } };",
  );
  return { TZ: "Asia/Kathmandu", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8", NODE_OPTIONS: `--require ${file}`, HOME: "/nowhere", USER: "someone" };
}

test("one core, another umask, locale, zone, year, order and age of files: the same digests", async () => {
  const here = await digests(one, writeContext(one, NAMES, 1_700_000_000), HERE);
  const there = await digests(two, writeContext(two, NAMES.toReversed(), 1_600_000_000), { umask: "077", cores: "0", env: later(two) });
  expect(there).toEqual(here);
});

test("an index of two platforms too, and with another epoch others", async () => {
  const platforms = ["--platform", "linux/amd64,linux/386"];
  const context = writeContext(one, NAMES, 1_700_000_000);
  const here = await digests(one, context, HERE, ...platforms);
  expect(await digests(two, writeContext(two, NAMES, 1_500_000_000), { ...HERE, cores: "0", env: later(two) }, ...platforms)).toEqual(here);
  const dated = await digests(one, context, { ...HERE, env: { SOURCE_DATE_EPOCH: "1650000000" } }, ...platforms);
  expect(dated.every((digest, at) => digest !== here[at])).toBe(true);
});
