/** Rows 2.x of the fact sheet (variables). The words themselves are in substitute.test.ts. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunRequest } from "../../../builder/executor.ts";
import { testImage } from "../../support/image.ts";
import { openLab, type Lab } from "../lab.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  lab.context({ a: "A" });
  await testImage(lab.store, { config: { Env: ["PATH=/bin"] }, programs: [] });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

type Args = Readonly<Record<string, string>>;

/** What the last RUN is given, and its history entry; nothing is run. */
async function lastRun(text: string, args: Args = {}): Promise<{ readonly env: readonly string[]; readonly shown: string; readonly request: RunRequest }> {
  const requests: RunRequest[] = [];
  const executor = { run: async (request: RunRequest) => (requests.push(request), await Promise.resolve(0)) };
  const { result } = await lab.build(text, { buildArgs: new Map(Object.entries(args)), noCache: true }, executor);
  const request = requests.at(-1);
  if (request === undefined) throw new Error("nothing was run");
  const shown = result.config.history?.findLast(({ created_by }) => created_by?.startsWith("RUN") === true)?.created_by ?? "";
  return { env: request.env.filter((pair) => !/^(?:PATH|HOME)=/.test(pair)), shown, request };
}

const BASE = "FROM strata-test/tools\n";

/** row, instructions, build arguments, environment of RUN, history of RUN */
const runs: readonly (readonly [string, string, Args, readonly string[], string])[] = [
  ["2.8 values are fixed for the instruction", "ENV a=1\nENV a=2 b=$a\nRUN x", {}, ["a=2", "b=1"], "RUN /bin/sh -c x # buildkit"],
  ["2.9 an ARG sees the one before it in its line", "ARG a=1 b=$a-2\nRUN x", {}, ["a=1", "b=1-2"], "RUN |2 a=1 b=1-2 /bin/sh -c x # buildkit"],
  ["2.10 the command itself is the shell's to expand", "ARG a=1\nRUN echo $a ${a}", {}, ["a=1"], "RUN |1 a=1 /bin/sh -c echo $a ${a} # buildkit"],
  ["2.10 the exec form is expanded by nobody", 'ARG a=1\nRUN ["x", "$a"]', {}, ["a=1"], "RUN |1 a=1 x $a # buildkit"],
  [
    "2.13 a proxy argument needs no ARG, comes in both spellings, and is not told",
    "RUN x",
    { https_proxy: "p:1" },
    ["HTTPS_PROXY=p:1", "https_proxy=p:1"],
    "RUN /bin/sh -c x # buildkit",
  ],
  [
    "2.13 a declared proxy argument is an argument",
    "ARG HTTP_PROXY\nRUN x",
    { HTTP_PROXY: "p" },
    ["HTTP_PROXY=p", "http_proxy=p"],
    "RUN |1 HTTP_PROXY=p /bin/sh -c x # buildkit",
  ],
  ["2.13 ENV goes before a proxy argument", "ENV NO_PROXY=mine\nRUN x", { NO_PROXY: "p" }, ["NO_PROXY=mine", "no_proxy=p"], "RUN /bin/sh -c x # buildkit"],
  ["2.15 steering arguments are no environment", "ARG BUILDKIT_SBOM_SCAN_STAGE=true\nRUN x", {}, [], "RUN /bin/sh -c x # buildkit"],
  ["2.16 an ARG without a value is told empty, and is no environment", "ARG a\nRUN x", {}, [], "RUN |1 a= /bin/sh -c x # buildkit"],
  ["2.16 declared again without a value it keeps the one it has", "ARG a=1\nARG a\nRUN x", {}, ["a=1"], "RUN |1 a=1 /bin/sh -c x # buildkit"],
  ["2.16 declared again with one it gets it", "ARG a=1\nARG b=2\nARG a=3\nRUN x", {}, ["a=3", "b=2"], "RUN |2 a=3 b=2 /bin/sh -c x # buildkit"],
  ["2.17 ENV wins over an ARG before and after it", "ARG x=a\nENV x=e\nARG x=b\nRUN x", {}, ["x=e"], "RUN |1 x=e /bin/sh -c x # buildkit"],
  ["2.16 a default that fails is not looked at when a value is given", "ARG a=${nope:?gone}\nRUN x", { a: "1" }, ["a=1"], "RUN |1 a=1 /bin/sh -c x # buildkit"],
  ["2.16 the name of an ARG is not expanded", "ARG n=m\nARG $n=1\nRUN x", {}, ["n=m", "$n=1"], "RUN |2 n=m $n=1 /bin/sh -c x # buildkit"],
];

test.each(runs)("%s", async (_, text, args, env, shown) => {
  const found = await lastRun(BASE + text, args);
  expect([found.env, found.shown]).toEqual([env, shown]);
});

test("2.13 a proxy argument is no part of the cache key, unless it is declared", async () => {
  const executor = { run: async () => await Promise.resolve(0) };
  const build = async (text: string, proxy: string): Promise<string> =>
    [...(await lab.build(text, { buildArgs: new Map([["HTTP_PROXY", proxy]]) }, executor)).steps.values()].at(-1) ?? "";
  await build(`${BASE}RUN one`, "a");
  expect(await build(`${BASE}RUN one`, "b")).toMatch(/^hit/);
  await build(`${BASE}ARG HTTP_PROXY\nRUN two`, "a");
  expect(await build(`${BASE}ARG HTTP_PROXY\nRUN two`, "b")).toBe('miss: HTTP_PROXY changed from "a" to "b"');
});

test("2.15 BUILDKIT_SANDBOX_HOSTNAME names the machine of RUN", async () => {
  expect((await lastRun(`${BASE}RUN x`)).request.hostname).toBe("buildkitsandbox");
  expect((await lastRun(`${BASE}RUN x`, { BUILDKIT_SANDBOX_HOSTNAME: "here" })).request.hostname).toBe("here");
});

test("2.15 BUILDKIT_CACHE_MOUNT_NS keeps cache mounts apart", async () => {
  const text = `${BASE}RUN --mount=type=cache,target=/c x`;
  const source = async (args: Args): Promise<unknown> => (await lastRun(text, args)).request.mounts.find(({ target }) => target === "/c");
  expect(await source({})).toEqual(await source({}));
  expect(await source({ BUILDKIT_CACHE_MOUNT_NS: "n" })).not.toEqual(await source({}));
});

/** row, instructions after FROM scratch, what the configuration holds */
const expanded: readonly (readonly [string, string, object])[] = [
  ["2.3 unset and empty differ without the colon", "ENV e=\nENV x=[${e-d}] y=[${e:-d}] z=[${u-d}]", { x: "[]", y: "[d]", z: "[d]" }],
  ["2.10 where words are expanded", "ENV a=1\nLABEL $a=$a", { a: "1" }],
  ["2.12 an undefined variable is empty", "ENV p=/path/$NOPE", { p: "/path/" }],
  [
    "2.14 the automatic ones, declared",
    "ARG TARGETPLATFORM TARGETSTAGE BUILDARCH\nENV x=$TARGETPLATFORM/$TARGETSTAGE/${BUILDARCH:+b}",
    { x: `linux/${process.arch === "arm64" ? "arm64" : "amd64"}/final/b` },
  ],
];

test.each(expanded)("%s", async (_, text, wanted) => {
  const { result } = await lab.build(`FROM scratch AS final\n${text}\n`);
  expect(Object.fromEntries((result.config.config?.Env ?? []).map((pair) => pair.split("=", 2)))).toMatchObject(wanted);
});

test("2.10 flags are expanded, --exclude is not", async () => {
  const { result, files } = await lab.build("FROM scratch\nARG u=5 m=600 p=a\nCOPY --chown=$u:${u} --chmod=$m --exclude=$p a /x\nCOPY --chown=$none a /y\n");
  expect([files["x"], files["y"]]).toEqual(["file 600 5:5 A", "file 644 0:0 A"]);
  expect(result.config.history?.map(({ created_by }) => created_by)).toContain("COPY --chown=5:5 --chmod=600 a /x # buildkit");
});

/** row, build arguments, Dockerfile, warnings */
const warned: readonly (readonly [string, Args, string, readonly string[]])[] = [
  [
    "2.18 an unknown build argument",
    { VERSOIN: "1" },
    "ARG VERSION\nFROM scratch",
    ["Build argument 'VERSOIN' was not consumed: no ARG declares it (did you mean VERSION?)"],
  ],
  ["2.18 one that only another stage declares", { V: "1" }, "FROM scratch AS a\nARG V\nFROM scratch", []],
  [
    "2.18 those that need no ARG",
    { HTTP_PROXY: "x", no_proxy: "y", BUILDKIT_INLINE_CACHE: "1", SOURCE_DATE_EPOCH: "1", TARGETOS: "linux" },
    "FROM scratch",
    [],
  ],
];

test.each(warned)("%s", async (_, args, text, wanted) => {
  const { result } = await lab.build(`${text}\n`, { buildArgs: new Map(Object.entries(args)) });
  expect(result.warnings.filter(({ rule }) => rule === "UnusedBuildArg").map(({ message }) => message)).toEqual(wanted);
});

test("2.16 global arguments are for FROM lines", async () => {
  const text = "ARG tag=tools other=${tag}2\nARG BASE=strata-test/$tag\nFROM --platform=${P:-linux} $BASE AS one\nFROM ${BASE}\nENV x=[$BASE]\n";
  await expect(lab.build(text.replace("${P:-linux}", "${P}"))).rejects.toMatchObject({ code: "FLAG_INVALID", place: { line: 3 } });
  const { result } = await lab.build(text.replace("--platform=${P:-linux} ", ""));
  expect(result.config.config?.Env).toEqual(["PATH=/bin", "x=[]"]);
});
