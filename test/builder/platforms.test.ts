/** Platforms: their names, which image of an index is for one, graphs of several merged, and why a foreign program is not run. */
import { describe, expect, test } from "vitest";
import { handles, missingHandler, parseHandler } from "../../builder/foreign/binfmt.ts";
import { probeProgram } from "../../builder/foreign/elf-program.ts";
import { annotatorOf, parseAnnotation } from "../../builder/output/annotations.ts";
import { parseDockerfile } from "../../builder/dockerfile/parse.ts";
import { mergeGraphs } from "../../builder/plan/merge-graphs.ts";
import { planBuild } from "../../builder/plan/plan.ts";
import { digestOf } from "../../store/digest.ts";
import { choosePlatform, formatPlatform, hostPlatform, parsePlatform } from "../../store/image/platform.ts";
import type { Descriptor, Platform } from "../../store/oci.ts";

const platform = (text: string): Platform => parsePlatform(text) ?? { os: "none", architecture: text };

describe("names", () => {
  const names = [
    ["linux/amd64", "linux/amd64"],
    ["amd64", "linux/amd64"],
    ["x86_64", "linux/amd64"],
    ["linux/amd64/v1", "linux/amd64"],
    ["linux/amd64/v3", "linux/amd64/v3"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/aarch64/8", "linux/arm64"],
    ["linux/arm64/v9", "linux/arm64/v9"],
    ["linux/arm", "linux/arm/v7"],
    ["armhf", "linux/arm/v7"],
    ["armel", "linux/arm/v6"],
    ["linux/arm/5", "linux/arm/v5"],
    ["i386", "linux/386"],
    ["linux", formatPlatform(hostPlatform())],
    ["Linux/s390x", "linux/s390x"],
  ] as const;
  test.each(names)("%s is %s", (text, normal) => expect(formatPlatform(platform(text))).toBe(normal));
  test.each(["", "solaris8", "linux/amd64/v1/more", "linux//v7", "linux/am d64"])("%j is none", (text) => expect(parsePlatform(text)).toBeUndefined());
  test("windows says its version", () =>
    expect(parsePlatform("windows(10.0.17763.1)/amd64")).toEqual({ os: "windows", architecture: "amd64", "os.version": "10.0.17763.1" }));
});

describe("which image of an index", () => {
  const rows = [
    { wanted: "linux/arm/v7", there: ["linux/arm/v5", "linux/arm/v6", "linux/arm64"], chosen: "linux/arm/v6" },
    { wanted: "linux/arm/v6", there: ["linux/arm/v7", "linux/arm/v5"], chosen: "linux/arm/v5" },
    { wanted: "linux/arm/v6", there: ["linux/arm/v7"], chosen: undefined },
    { wanted: "linux/arm64", there: ["linux/arm/v7", "linux/arm64/v8"], chosen: "linux/arm64" },
    { wanted: "linux/amd64", there: ["linux/amd64/v3", "linux/amd64"], chosen: "linux/amd64" },
    { wanted: "linux/amd64/v3", there: ["linux/amd64", "linux/amd64/v2"], chosen: "linux/amd64/v2" },
    { wanted: "linux/s390x", there: ["linux/amd64"], chosen: undefined },
  ];
  test.each(rows)("$wanted of $there is $chosen", ({ wanted, there, chosen }) => {
    const manifests = there.map((text): Descriptor => ({ mediaType: "m", digest: digestOf(text), size: 1, platform: platform(text) }));
    const found = choosePlatform(manifests, platform(wanted))?.platform;
    expect(found === undefined ? undefined : formatPlatform(found)).toBe(chosen);
  });
});

describe("graphs of several platforms", () => {
  const graphs = async (text: string, ...platforms: readonly string[]): Promise<ReturnType<typeof mergeGraphs>> => {
    const machine = platform("linux/amd64");
    const options = { target: undefined, machine, buildArgs: new Map<string, string>(), contexts: new Map<string, never>() };
    const openImage = (): never => {
      throw new Error("no images here");
    };
    const planned = await Promise.all(
      platforms.map(async (name) => await planBuild(parseDockerfile(text, "Dockerfile"), { ...options, platform: platform(name), openImage })),
    );
    return mergeGraphs(planned.map(({ graph }) => graph));
  };

  test("a stage for the machine is there once, whatever it stands on, and what reads it finds it", async () => {
    const text = [
      "FROM --platform=$BUILDPLATFORM scratch AS tools\nCOPY a /",
      "FROM --platform=$BUILDPLATFORM tools AS build\nRUN x",
      "FROM scratch\nCOPY --from=build /x /\nRUN --mount=type=bind,from=tools,target=/t y",
    ].join("\n");
    const { graph, targets } = await graphs(text, "linux/amd64", "linux/arm64", "linux/arm/v7");
    expect(graph.stages.map(({ index, name, base }) => [index, name, base.kind === "stage" ? base.index : base.kind])).toEqual([
      [0, "linux/amd64 tools", "scratch"],
      [1, "linux/amd64 build", 0],
      [2, "linux/amd64 stage-2", "scratch"],
      [3, "linux/arm64 stage-2", "scratch"],
      [4, "linux/arm/v7 stage-2", "scratch"],
    ]);
    expect(targets).toEqual([2, 3, 4]);
    const steps = graph.stages.flatMap((stage) => stage.steps);
    expect(steps.map(({ id }) => id)).toEqual(steps.map((_, at) => at));
    expect(graph.stages[4]?.steps.map(({ name, action }) => [name, JSON.stringify(action).match(/"origin":\{[^}]*\}/)?.[0]])).toEqual([
      ["[linux/arm/v7 stage-2 2/3] COPY --from=build /x /", '"origin":{"kind":"stage","index":1}'],
      ["[linux/arm/v7 stage-2 3/3] RUN --mount=type=bind,from=tools,target=/t y", '"origin":{"kind":"stage","index":0}'],
    ]);
    expect(graph.stages.every((stage) => stage.history.every(({ step }) => step === undefined || stage.steps.includes(step)))).toBe(true);
  });

  test("a stage that asks for the target is there for each", async () => {
    const { graph } = await graphs("FROM --platform=$BUILDPLATFORM scratch\nARG TARGETARCH\nRUN x", "linux/amd64", "linux/arm64");
    expect(graph.stages.map(({ name }) => name)).toEqual(["linux/amd64", "linux/amd64"]);
  });
});

describe("why a foreign program is not run", () => {
  const arm64 = parseHandler(
    "qemu-aarch64",
    "enabled\ninterpreter /q\nflags: OCF\noffset 0\nmagic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n",
  )!;
  const rows = [
    { name: "no handler", handlers: [], says: /Install the package qemu-user-static/ },
    { name: "a handler that is off", handlers: [{ ...arm64, enabled: false }], says: /qemu-aarch64 is switched off: echo 1/ },
    {
      name: "a handler that the image would have to hold",
      handlers: [{ ...arm64, flags: "OC" }],
      says: /without the flag F, so that \/q is looked for in the image/,
    },
    { name: "a handler that fails", handlers: [arm64], says: /\(\/q\) does not run it/ },
  ];
  test.each(rows)("$name", ({ handlers, says }) => expect(missingHandler(handlers, probeProgram("arm64")!)).toMatch(says));
  test("a handler takes its own architecture only", () =>
    expect(["arm64", "riscv64", "386", "s390x"].map((name) => handles(arm64, probeProgram(name)!))).toEqual([true, false, false, false]));
  test("handlers of extensions are none", () => expect(parseHandler("jar", "enabled\ninterpreter /j\nflags: \nextension .jar\n")).toBeUndefined());
});

describe("annotations", () => {
  const rows = [
    { text: "a=b=c", level: "manifest", wanted: "linux/arm64", found: { a: "b=c" } },
    { text: "manifest[linux/arm64/v8]:a=b", level: "manifest", wanted: "linux/arm64", found: { a: "b" } },
    { text: "manifest[linux/arm64]:a=b", level: "manifest", wanted: "linux/amd64", found: {} },
    { text: "index,manifest-descriptor:org.x/y=", level: "manifest-descriptor", wanted: "linux/amd64", found: { "org.x/y": "" } },
  ] as const;
  test.each(rows)("$text for $level of $wanted", ({ text, level, wanted, found }) =>
    expect(annotatorOf(parseAnnotation(text))(level, platform(wanted))).toEqual(found),
  );
  test.each(["a", "=b", "index:=b", "index[linux/arm64]:a=b", "manifest[what]:a=b", "layer:a=b"])("%s is refused", (text) =>
    expect(() => parseAnnotation(text)).toThrow("Cannot read annotation"),
  );
});
