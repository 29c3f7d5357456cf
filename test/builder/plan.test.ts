import { afterEach, beforeEach, expect, test } from "vitest";
import type { ExecutionConfig } from "../../store/oci.ts";
import { testImage } from "../support/image.ts";
import { openLab, type Lab } from "./lab.ts";

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
  lab.context({ a: "A" });
});
afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** name, instructions after FROM scratch, what the configuration holds */
const configs: readonly (readonly [string, string, ExecutionConfig])[] = [
  ["scratch has a PATH and the root as working folder", "", { Env: [PATH], WorkingDir: "/" }],
  ["ENV keeps its place when set again", "ENV a=1 b=2\nENV a=3 c=4", { Env: [PATH, "a=3", "b=2", "c=4"] }],
  ["ENV values are fixed for the whole instruction", "ENV a=1\nENV a=2 b=$a", { Env: [PATH, "a=2", "b=1"] }],
  ["ENV takes quotes and escapes off", "ENV a=\"x y\" b=p\\ q c='$d' e=", { Env: [PATH, "a=x y", "b=p q", "c=$d", "e="] }],
  ["the old form of ENV takes the rest of the line", "ENV a b   c=d", { Env: [PATH, "a=b   c=d"] }],
  ["ARG is no environment", "ARG a=1\nENV b=$a", { Env: [PATH, "b=1"] }],
  ["ARG sees what stands before it in its line", "ARG a=1 b=$a-2\nENV c=$b", { Env: [PATH, "c=1-2"] }],
  ["ENV wins over an ARG before it", "ARG x=arg\nENV x=env\nENV y=$x", { Env: [PATH, "x=env", "y=env"] }],
  ["ENV wins over an ARG after it", "ENV x=env\nARG x=arg\nENV y=$x", { Env: [PATH, "x=env", "y=env"] }],
  ["LABEL expands names and values", 'ENV a=1\nLABEL k$a=v$a "b c"="d e"', { Labels: { k1: "v1", "b c": "d e" } }],
  [
    "USER, VOLUME and STOPSIGNAL expand",
    "ENV a=1\nUSER u$a:g\nVOLUME /v$a /w\nSTOPSIGNAL SIGTERM",
    { User: "u1:g", Volumes: { "/v1": {}, "/w": {} }, StopSignal: "SIGTERM" },
  ],
  ["EXPOSE expands words and ranges", 'ENV P="80 81/udp"\nEXPOSE $P 90-91', { ExposedPorts: { "80/tcp": {}, "81/udp": {}, "90/tcp": {}, "91/tcp": {} } }],
  ["WORKDIR joins and cleans", "WORKDIR /a\nWORKDIR b/../c/", { WorkingDir: "/a/c" }],
  ["an absolute WORKDIR keeps a trailing slash", "WORKDIR /a/", { WorkingDir: "/a/" }],
  [
    "shell forms go through SHELL",
    'SHELL ["/bin/bash", "-ec"]\nENTRYPOINT run it\nCMD more',
    { Shell: ["/bin/bash", "-ec"], Entrypoint: ["/bin/bash", "-ec", "run it"], Cmd: ["/bin/bash", "-ec", "more"], ArgsEscaped: true },
  ],
  ["exec forms stay", 'ENTRYPOINT ["a", "$b"]\nCMD ["c"]', { Entrypoint: ["a", "$b"], Cmd: ["c"] }],
  ["ENTRYPOINT keeps a CMD of the same stage", 'CMD ["a"]\nENTRYPOINT ["b"]', { Entrypoint: ["b"], Cmd: ["a"] }],
  [
    "HEALTHCHECK in shell form",
    "HEALTHCHECK --interval=2s --retries=3 CMD test x",
    { Healthcheck: { Test: ["CMD-SHELL", "test x"], Interval: 2e9, Retries: 3 } },
  ],
  ["HEALTHCHECK in exec form", 'HEALTHCHECK CMD ["test", "x"]', { Healthcheck: { Test: ["CMD", "test", "x"] } }],
  ["HEALTHCHECK NONE", "HEALTHCHECK CMD x\nHEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
  ["ONBUILD is stored as written", "ONBUILD COPY <<X /f\nbody\nX\nONBUILD RUN  make", { OnBuild: ["COPY <<X /f\nbody\nX", "RUN  make"] }],
];

test.each(configs)("%s", async (_, instructions, wanted) => {
  const { result } = await lab.build(`FROM scratch\n${instructions}\n`);
  expect(result.config.config).toMatchObject(wanted);
});

/** name, Dockerfile, build arguments, environment wanted */
const scopes: readonly (readonly [string, string, Readonly<Record<string, string>>, string])[] = [
  ["a global ARG is not seen in a stage", "ARG g=1\nFROM scratch\nENV e=[$g]", {}, "e=[]"],
  ["a global ARG declared again brings its value", "ARG g=1\nFROM scratch\nARG g\nENV e=[$g]", {}, "e=[1]"],
  ["a stage's default wins over the global value", "ARG g=1\nFROM scratch\nARG g=2\nENV e=[$g]", {}, "e=[2]"],
  ["--build-arg wins over both", "ARG g=1\nFROM scratch\nARG g=2\nENV e=[$g]", { g: "3" }, "e=[3]"],
  ["--build-arg without ARG is not seen", "FROM scratch\nENV e=[$g]", { g: "3" }, "e=[]"],
  ["ARG counts from its line on", "FROM scratch\nENV e=[$g]\nARG g=1", {}, "e=[]"],
  ["ARG of a parent stage is inherited", "FROM scratch AS a\nARG g=1\nFROM a\nENV e=[$g]", {}, "e=[1]"],
  ["ARG of another stage is not", "FROM scratch AS a\nARG g=1\nFROM scratch\nENV e=[$g]", {}, "e=[]"],
  ["ENV of a parent stage is inherited", "FROM scratch AS a\nENV g=1\nFROM a\nENV e=[$g]", {}, "e=[1]"],
  ["automatic arguments must be declared", "FROM scratch\nENV e=[$TARGETOS]", {}, "e=[]"],
  ["automatic arguments", "FROM scratch\nARG TARGETOS TARGETVARIANT BUILDOS\nENV e=[$TARGETOS,$TARGETVARIANT,$BUILDOS]", {}, "e=[linux,,linux]"],
  ["proxy arguments need no ARG and no place in the image", "FROM scratch\nENV e=[$HTTP_PROXY]", { HTTP_PROXY: "x" }, "e=[]"],
];

test.each(scopes)("%s", async (_, text, args, wanted) => {
  const { result } = await lab.build(`${text}\n`, { buildArgs: new Map(Object.entries(args)) });
  expect(result.config.config?.Env).toContain(wanted);
});

test("History has one entry an instruction, in BuildKit's words, with a layer exactly when files changed", async () => {
  const { result } = await lab.build(
    [
      "FROM scratch",
      "ARG a=1",
      "ENV b=2 c=3",
      "WORKDIR /w",
      "COPY --link --chmod=640 --chown=1:2 a x/",
      "ADD a /y",
      "EXPOSE 81 80",
      "VOLUME /v",
      "USER u",
      'CMD ["x", "y z"]',
      "ENTRYPOINT run",
      "LABEL l=m",
      'SHELL ["/s", "-c"]',
      "STOPSIGNAL 9",
      "HEALTHCHECK --timeout=90s CMD t",
      "MAINTAINER me",
      "WORKDIR /",
    ].join("\n"),
  );
  expect(result.config.history?.map(({ created_by, empty_layer }) => `${empty_layer === true ? "-" : "+"} ${created_by}`)).toEqual([
    "- ARG a=1",
    "- ENV b=2 c=3",
    "+ WORKDIR /w",
    "+ COPY --chown=1:2 --chmod=640 a x/ # buildkit",
    "+ ADD a /y # buildkit",
    "- EXPOSE [80/tcp 81/tcp]",
    "- VOLUME [/v]",
    "- USER u",
    '- CMD ["x" "y z"]',
    '- ENTRYPOINT ["/bin/sh" "-c" "run"]',
    "- LABEL l=m",
    "- SHELL [/s -c]",
    "- STOPSIGNAL 9",
    "- HEALTHCHECK {Test:[CMD-SHELL t] Interval:0s Timeout:1m30s StartPeriod:0s StartInterval:0s Retries:0}",
    "- MAINTAINER me",
    "- WORKDIR /",
  ]);
  expect(result.config.rootfs.diff_ids).toHaveLength(3);
  expect(result.config.author).toBe("me");
});

test("Thousands of lines that set one thing each cost thousands of times as much as one, not millions", async () => {
  const count = 20_000;
  const lines = (form: (at: number) => string): string => Array.from({ length: count }, (_, at) => `${form(at)}\n`).join("");
  const kinds = [lines((at) => `LABEL l${at}=v`), lines((at) => `EXPOSE ${at + 1}`), lines((at) => `ENV e${at}=v`), lines((at) => `ARG a${at}=v`)];
  const { config } = (await lab.build(`FROM scratch\n${kinds.join("")}`)).result.config;
  expect([config?.Labels, config?.ExposedPorts].map((of) => Object.keys(of ?? {}).length)).toEqual([count, count]);
  expect(config?.Env).toHaveLength(count + 1);
});

test("A base's configuration, history and layers come first", async () => {
  const base = await testImage(lab.store, { config: { Env: ["PATH=/bin", "K=v"], Cmd: ["/bin/sh"], Labels: { x: "1" } } });
  const { result } = await lab.build('FROM strata-test/tools\nENTRYPOINT ["e"]\nCOPY a /a\n', { labels: new Map([["y", "2"]]) });
  expect(result.config.config).toEqual({ Entrypoint: ["e"], Env: ["PATH=/bin", "K=v"], Labels: { x: "1", y: "2" } });
  expect(result.config.rootfs.diff_ids[0]).toBe(base.config.rootfs.diff_ids[0]);
  expect(result.config.history?.map(({ created_by }) => created_by)).toEqual(["test image", 'ENTRYPOINT ["e"]', "COPY a /a # buildkit"]);
});

test("A base as docker writes it, with null for what is not set, is a base like others", async () => {
  const nothing = Object.fromEntries(["Env", "Cmd", "Entrypoint", "Volumes", "OnBuild", "Labels", "Shell"].map((key) => [key, null]));
  await testImage(lab.store, { config: nothing });
  const { result } = await lab.build("FROM strata-test/tools\nCOPY a /a\nCMD x\n");
  expect(result.config.config).toEqual({ Env: [expect.stringMatching(/^PATH=/)], Cmd: ["/bin/sh", "-c", "x"], ArgsEscaped: true });
});

test("Triggers of the base run first, can copy from the child's stages, and are gone in the child", async () => {
  const base = await lab.build("FROM scratch\nONBUILD ENV t=1\nONBUILD COPY --from=src /a /from-stage\nONBUILD COPY a /trigger\nCOPY a /base\n");
  await lab.store.images.tag("strata-test/onbuild", base.result.target);
  const { result, files } = await lab.build("FROM scratch AS src\nCOPY a /a\nFROM strata-test/onbuild\nENV u=[$t]\n");
  expect(Object.keys(files)).toEqual(["base", "from-stage", "trigger"]);
  expect(result.config.config?.Env).toContain("u=[1]");
  expect(result.config.config?.OnBuild).toBeUndefined();
});

test("A mistake in a trigger is shown at the FROM that brought it", async () => {
  const base = await lab.build("FROM scratch\nONBUILD COPY none /x\n");
  await lab.store.images.tag("strata-test/onbuild", base.result.target);
  await expect(lab.build("ARG x\nFROM strata-test/onbuild\n")).rejects.toMatchObject({ code: "SOURCE_UNKNOWN", place: { line: 2 } });
});

test("Stages that the target does not need are neither opened nor built", async () => {
  const text = "FROM nowhere/none AS unused\nRUN false\nFROM scratch AS wanted\nCOPY a /a\nFROM nowhere/none\n";
  const { files, events } = await lab.build(text, { target: "WANTED" });
  expect(Object.keys(files)).toEqual(["a"]);
  expect(events.flatMap((event) => (event.kind === "started" ? [event.name] : []))).toEqual([
    "[internal] load build definition from Dockerfile",
    "[wanted 2/2] COPY a /a",
    "exporting to image",
  ]);
});

test("A target can be a number", async () => {
  expect(Object.keys((await lab.build("FROM scratch\nCOPY a /0\nFROM scratch\nCOPY a /1\n", { target: "0" })).files)).toEqual(["0"]);
});

/** name, Dockerfile, code, message, line */
const errors: readonly (readonly [string, string, string, RegExp, number])[] = [
  ["a later stage", "FROM scratch\nCOPY --from=later /a /a\nFROM scratch AS later\nFROM scratch\nCOPY --from=0 / /", "STAGE_CYCLE", /defined later/, 2],
  ["the stage itself", "FROM scratch AS me\nCOPY --from=me /a /a", "STAGE_CYCLE", /the stage itself/, 2],
  ["a stage number too high", "FROM scratch\nCOPY --from=7 /a /a", "STAGE_UNKNOWN", /only 0 stages/, 2],
  ["an unset global in FROM", "ARG BASE\nFROM $BASE", "DOCKERFILE_INVALID", /base name is empty/, 2],
  ["a required variable", 'FROM scratch\nENV a="${b:?is missing}"', "SUBSTITUTION_FAILED", /b: is missing/, 2],
  ["an image that is nowhere", "FROM nowhere/none", "IMAGE_UNKNOWN", /nowhere\/none/, 1],
  ["an unknown mount type", "FROM scratch\nRUN --mount=type=cahce,target=/x true", "FLAG_INVALID", /cahce/, 2],
  ["an unknown mount key", "FROM scratch\nRUN --mount=type=cache,tagret=/x true", "FLAG_INVALID", /tagret/, 2],
  ["a mount on the root", "FROM scratch\nRUN --mount=type=cache,target=/ true", "FLAG_INVALID", /target other than/, 2],
  ["an unknown signal", "FROM scratch\nSTOPSIGNAL nope", "DOCKERFILE_INVALID", /no such signal/, 2],
  ["a bad port", "FROM scratch\nEXPOSE x", "DOCKERFILE_INVALID", /Cannot expose/, 2],
];

test.each(errors)("%s is refused with its place", async (_, text, code, message, line) => {
  await expect(lab.build(`${text}\n`)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string, place: { line } });
});

test("An unknown target suggests a near stage, or names them all", async () => {
  await expect(lab.build("FROM scratch AS builder\n", { target: "bulider" })).rejects.toMatchObject({ code: "STAGE_UNKNOWN", hint: "Did you mean builder?" });
  await expect(lab.build("FROM scratch AS a\nFROM scratch AS b\n", { target: "none" })).rejects.toMatchObject({ hint: "The Dockerfile has a, b" });
});

test("Undefined variables warn and suggest", async () => {
  const { result } = await lab.build("FROM scratch\nARG VERSION=1\nENV v=$VERSOIN\n");
  expect(result.warnings).toEqual([
    { rule: "UndefinedVar", message: "Usage of undefined variable '$VERSOIN' (did you mean $VERSION?)", place: { start: 3, end: 3 } },
  ]);
});

test("More stages than anybody writes are refused", async () => {
  const text = Array.from({ length: 1001 }, (_, at) => `FROM ${at === 0 ? "scratch" : `s${at - 1}`} AS s${at}\n`).join("");
  await expect(lab.build(text)).rejects.toThrow("it has 1001 stages, more than 1000");
  expect((await lab.build(text.slice(0, text.lastIndexOf("FROM")))).result.config.rootfs.diff_ids).toEqual([]);
});
