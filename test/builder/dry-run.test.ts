/** --dry-run says what a build would make and why, and touches nothing; --explain says the same of a build that runs. */
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dryRun } from "../../builder/cache/dry-run.ts";
import type { Executor } from "../../builder/executor.ts";
import type { BuildRequest } from "../../builder/request.ts";
import { runStrata } from "../support/cli.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { defaults, openLab, type Lab } from "./lab.ts";

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
  lab.context({ a: "A", b: "B", "sub/c": "C" });
});
afterEach(async () => await lab[Symbol.asyncDispose]());

const executor: Executor = { run: async () => await Promise.resolve(0) };

async function dry(dockerfile: string, request: Partial<BuildRequest> = {}): Promise<readonly string[]> {
  const steps = await dryRun(
    { ...defaults(dockerfile, join(lab.folder, "context")), ...request },
    {
      store: lab.store,
      treeTool,
      scratch: join(lab.folder, "run/build"),
      onEvent: () => undefined,
      executor: () => Promise.reject(new Error("a dry run must not run anything")),
    },
  );
  return steps.map(({ name, state, reason }) => `${name.replace(/^\[[^\]]*\] /, "")}: ${state}, ${reason}`);
}

const TEXT = [
  "FROM scratch AS build",
  "ARG V=1",
  "COPY a /a",
  "RUN --mount=target=/m,source=sub make $V",
  "RUN strip",
  "FROM scratch",
  "COPY b /b",
  "COPY --from=build /a /a2",
  "RUN last",
].join("\n");
const [COPY_A, MAKE, STRIP, COPY_B, COPY_FROM, LAST] = [
  "COPY a /a",
  "RUN --mount=target=/m,source=sub make 1",
  "RUN strip",
  "COPY b /b",
  "COPY --from=build /a /a2",
  "RUN last",
];
const MAKE_2 = MAKE.replace("make 1", "make 2");
const HIT = "cached, nothing that it depends on changed";

/** name, what changes, request, what is said in the end: only of steps that are not cached */
const changes: readonly (readonly [string, () => void, Partial<BuildRequest>, readonly string[]])[] = [
  ["nothing", () => undefined, {}, []],
  [
    "a file that is copied first",
    () => writeFileSync(join(lab.folder, "context/a"), "Z"),
    {},
    [
      `${COPY_A}: run, a changed`,
      `${MAKE}: run, the step before it would run: [build 1/3] ${COPY_A}`,
      `${STRIP}: run, the step before it would run: [build 2/3] ${MAKE}`,
      `${COPY_FROM}: unknown, depends on the files that [build 3/3] ${STRIP} gives`,
      `${LAST}: unknown, depends on what [stage-1 2/3] ${COPY_FROM} gives`,
    ],
  ],
  [
    "a file that is mounted",
    () => writeFileSync(join(lab.folder, "context/sub/c"), "Z"),
    {},
    [
      `${MAKE}: run, /m/c changed`,
      `${STRIP}: run, the step before it would run: [build 2/3] ${MAKE}`,
      `${COPY_FROM}: unknown, depends on the files that [build 3/3] ${STRIP} gives`,
      `${LAST}: unknown, depends on what [stage-1 2/3] ${COPY_FROM} gives`,
    ],
  ],
  [
    "an argument",
    () => undefined,
    { buildArgs: new Map([["V", "2"]]), target: "build" },
    [`${MAKE_2}: run, V changed from "1" to "2"`, `${STRIP}: run, the step before it would run: [build 2/3] ${MAKE_2}`],
  ],
  [
    "the stage that is made anew",
    () => undefined,
    { noCacheFilter: new Set(["stage-1"]) },
    [
      `${COPY_B}: run, --no-cache-filter`,
      `${COPY_FROM}: run, the step before it would run: [stage-1 1/3] ${COPY_B}`,
      `${LAST}: run, the step before it would run: [stage-1 2/3] ${COPY_FROM}`,
    ],
  ],
];

test.each(changes)("A dry run after a change of %s, and then the build", async (_, change, request, wanted) => {
  await lab.build(TEXT, {}, executor);
  await lab.build(TEXT, {}, executor);
  change();
  const before = snapshot();
  const said = (await dry(TEXT, request)).map((line) => line.replace(/\d+\/(\d+)\] /g, (text) => text));
  expect(snapshot()).toEqual(before);
  const numberless = (lines: readonly string[]): readonly string[] => lines.map((line) => line.replace(/\[(\S+ )?\d+\/\d+\] /g, "[$1] "));
  expect(numberless(said.filter((line) => !line.endsWith(HIT)))).toEqual(numberless(wanted));
  const { steps } = await lab.build(TEXT, request, executor);
  for (const line of said) {
    const [name = "", state = "", reason = ""] = /^(.*?): (cached|run|unknown), (.*)$/.exec(line)?.slice(1) ?? [];
    if (state === "cached") expect(steps.get(name), name).toMatch(/^hit/);
    if (state === "run" && !reason.startsWith("the step before") && !reason.startsWith("--no")) expect(steps.get(name)).toBe(`miss: ${reason}`);
  }
});

/** Every file of the root but the database's, with its time. */
function snapshot(): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const entry of readdirSync(lab.store.root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!path.includes("/root/db")) found[path] = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }
  return { ...found, records: lab.store.table("builder.cache").list().length };
}

/** name, one Dockerfile, another, what the step says then */
const reasons: readonly (readonly [string, string, string, RegExp])[] = [
  ["the command", "RUN one", "RUN two", /^miss: command changed from .*one.* to .*two/],
  ["the user", "USER 1\nRUN x", "USER 2\nRUN x", /^miss: user changed from 1 to 2/],
  ["the working folder", "WORKDIR /x\nRUN x", "WORKDIR /y\nRUN x", /^miss: working folder changed from \/x to \/y/],
  ["a variable", "ENV V=1\nRUN x", "ENV V=2\nRUN x", /^miss: V changed from "1" to "2"/],
  ["a new variable", "RUN x", "ENV W=1\nRUN x", /^miss: W is new/],
  ["a variable that is gone", "ENV W=1\nRUN x", "RUN x", /^miss: W is no longer set/],
  ["the network", "RUN x", "RUN --network=none x", /^miss: network changed from default to none/],
  ["the mounts", "RUN x", "RUN --mount=type=tmpfs,target=/t x", /^miss: .*mounts changed/],
  ["the owner", "COPY a /x", "COPY --chown=1:1 a /x", /^miss: options changed/],
  ["the destination", "COPY a /x", "COPY a /y", /^miss: destination changed from \/x to \/y/],
  ["the source", "COPY a /x", "COPY b /x", /^miss: .*patterns changed/],
  ["a heredoc", "COPY <<x /x\none\nx", "COPY <<x /x\ntwo\nx", /^miss: .*inline files changed/],
  ["the instruction", "COPY a /x", "RUN x", /^miss: another instruction stood here/],
  ["the epoch", "COPY a /x", "COPY a /x #epoch", /^miss: SOURCE_DATE_EPOCH went from 315532801 to 1/],
];

test.each(reasons)("A miss names %s", async (_, one, two, wanted) => {
  await lab.build(`FROM scratch\n${one}\n`, {}, executor);
  const request = two.endsWith("#epoch") ? { epoch: 1 } : {};
  const { steps } = await lab.build(`FROM scratch\n${two.replace(/ #epoch$/, "")}\n`, request, executor);
  expect([...steps.values()].at(-1)).toMatch(wanted);
});

test("--dry-run prints a table and exits 0, as JSON lines when asked", async () => {
  using root = temporaryRoot();
  const run = async (...flags: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await runStrata(root, ["build", "-f", "-", ...flags, join(lab.folder, "context")], {
      input: "FROM scratch\nCOPY a /a\n",
    });
    expect([status, stderr]).toEqual([0, ""]);
    return stdout;
  };
  expect(await run("--dry-run")).toMatch(/^STATE +STEP +WHY\nrun +.*COPY a \/a +this step was not built here before\n$/);
  await run("-q");
  expect(JSON.parse(await run("--dry-run", "--progress", "rawjson"))).toMatchObject({ State: "cached", Step: expect.stringMatching(/COPY a/) as string });
  const missing = await runStrata(root, ["build", "--dry-run", "-f", "-", join(lab.folder, "context")], { input: "FROM not/here\nRUN x\n" });
  expect([missing.status, /not\/here/.test(missing.stderr)]).toEqual([1, true]);
});
