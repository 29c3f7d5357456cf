import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BOX_IMAGE, openBox, type Box } from "../support/box.ts";
import { runStrata, serveStrata } from "../support/cli.ts";
import { strata, temporaryRoot } from "../support/root.ts";
import { openTerminal, type Terminal } from "../support/terminal.ts";

let box: Box;
let context: string;

beforeAll(async () => {
  box = await openBox("sh echo sleep cat id pwd false");
  context = join(box.root.root, "../app");
  mkdirSync(context);
});

afterAll(async () => await box[Symbol.asyncDispose]());

function buildIn(dockerfile: string, size: { readonly columns: number; readonly rows: number }, flags = "", env: NodeJS.ProcessEnv = {}): Terminal {
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  return openTerminal(`'${process.execPath}' '${strata}' build ${flags} --no-cache '${context}'`, { ...size, env: { ...box.root.env, ...env } });
}

/** The screen that shows it: the next look might find another one half drawn. */
async function see(terminal: Terminal, text: string | RegExp): Promise<string> {
  let screen = "";
  const look = (): string => (screen = terminal.screen());
  await expect
    .poll(look, { timeout: 60_000, interval: 100 })
    .toMatch(typeof text === "string" ? new RegExp(text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")) : text);
  return screen;
}

/** A step that prints and then waits for a file in a folder of this machine: a cache mount. */
const waiting = (name: string): string => `echo ${name} begins; echo; printf 'half a'; while [ ! -e /gate/${name} ]; do sleep 0.1; done`;

async function open(name: string): Promise<void> {
  const dockerfile = `FROM ${BOX_IMAGE}\nRUN --mount=type=cache,target=/gate,id=gate echo > /gate/${name}\n`;
  writeFileSync(join(context, "Opener"), dockerfile);
  expect((await runStrata(box.root, ["build", "--no-cache", "-q", "-f", join(context, "Opener"), context])).status).toBe(0);
}

test("Live lines show what is under way, and each step is left once", async () => {
  const step = (name: string): string => `RUN --mount=type=cache,target=/gate,id=gate ${waiting(name)}`;
  using terminal = buildIn(`FROM ${BOX_IMAGE} AS a\n${step("one")}\nFROM ${BOX_IMAGE}\n${step("two")}\nCOPY --from=a /bin/cat /x\n`, {
    columns: 100,
    rows: 24,
  });
  const live = await see(
    terminal,
    /# one begins\n => => # half a\n => \[stage-1[^]*# two begins\n => => # half a|# two begins\n => => # half a\n => \[a[^]*# one begins\n => => # half a/,
  );
  expect(live).toMatch(/^\[\+\] Building \d+\.\ds \(\d\/\d\)$/m);
  expect(live).toMatch(/^ => \[a 2\/2\] RUN .* \d+\.\ds$/m);
  await open("one");
  await open("two");
  const end = await see(terminal, "ended with 0");
  const steps = end.split("\n").flatMap((line) => /\[(?:a|stage-1) \d\/\d\]/.exec(line) ?? []);
  expect(steps.toSorted()).toEqual(["[a 1/2]", "[a 2/2]", "[stage-1 2/3]", "[stage-1 3/3]"]);
  expect(end).toMatch(/^ => => transferring files \d+\.\d\dkB \/ \d+\.\d\dkB +\d+\.\ds$/m);
  expect(end.match(/^\[\+\] Building/gm)).toHaveLength(1);
  expect(end).toMatch(/^\[\+\] Building \d+\.\ds \((\d)\/\1\) FINISHED$/m);
  expect(end).not.toContain("=> => #");
}, 300_000);

test("Live lines follow the width of the terminal", async () => {
  using terminal = buildIn(`FROM ${BOX_IMAGE}\nRUN --mount=type=cache,target=/gate,id=gate ${waiting("three")}\n`, { columns: 100, rows: 24 });
  await see(terminal, "=> => # half a");
  terminal.resize(44, 24);
  await see(terminal, /^ => \[2\/2\] RUN --mount=type=cache,targ\w* \d+\.\ds\n => => # three begins\n => => # half a$/m);
  terminal.resize(70, 24);
  await see(terminal, /^ => \[2\/2\] RUN --mount=type=cache,target=\/gate,id=gate echo th\w* \d+\.\ds\n => => # three begins/m);
  await open("three");
  const lines = (await see(terminal, "ended with 0")).split("\n");
  expect(lines.slice(-4).map((line) => line.replace(/\d+\.\d/, "T"))).toEqual([
    expect.stringMatching(/^ => exporting to image +Ts$/),
    expect.stringMatching(/^ => => writing image sha256:[0-9a-f]+ +Ts$/),
    expect.stringMatching(/FINISHED$/),
    "ended with 0",
  ]);
}, 300_000);

test("With --explain the reason has a line of its own, however long the step is", async () => {
  using terminal = buildIn(`FROM ${BOX_IMAGE}\nRUN echo ${"long ".repeat(40)}\n`, { columns: 60, rows: 24 }, "--explain");
  expect(await see(terminal, "ended with 0")).toMatch(/^ => \[2\/2\] RUN echo long .*\n => => miss: --no-cache$/m);
}, 300_000);

test("A build that is interrupted is not said to be finished", async () => {
  using terminal = buildIn(`FROM ${BOX_IMAGE}\nRUN sleep 600\n`, { columns: 80, rows: 24 });
  await see(terminal, /^ => \[2\/2\] RUN sleep 600/m);
  terminal.type("C-c");
  const end = await see(terminal, "ended with 130");
  expect(end).toMatch(/^\[\+\] Building \d+\.\ds \(2\/3\)$/m);
}, 300_000);

test("A failing step shows its last lines and the Dockerfile, in colours unless NO_COLOR", async () => {
  const dockerfile = `FROM ${BOX_IMAGE}\nRUN echo '\\033[31mwhy it failed\\033[0m'; false\n`;
  using terminal = buildIn(dockerfile, { columns: 80, rows: 20 });
  const screen = await see(terminal, "ended with 1");
  expect(screen).toMatch(/^ => ERROR \[2\/2\] RUN echo .*\d+\.\ds$/m);
  expect(screen).toMatch(/^------\n > \[2\/2\] RUN echo .*\n(?:.*\n)?why it failed\n------\nDockerfile:2\n/m);
  expect(screen).toContain("   2 | >>> RUN echo");
  expect(screen).toMatch(/ERROR: failed to build: Cannot run "[^]*": exit code: 1/);
  expect(terminal.screen({ escapes: true })).toMatch(/\u001b\[31m => ERROR/);
  using plain = buildIn(dockerfile, { columns: 80, rows: 20 }, "", { NO_COLOR: "1" });
  await see(plain, "ended with 1");
  expect(plain.screen({ escapes: true })).not.toContain("\u001b[3");
}, 300_000);

test("A terminal of few lines and columns is enough", async () => {
  using terminal = buildIn(`FROM ${BOX_IMAGE}\nRUN echo text that is far longer than the line is; sleep 1\n`, { columns: 12, rows: 3 });
  const screen = await see(terminal, "ended with");
  expect(screen).toContain("ended with 0");
  expect(screen).toMatch(/^ => /m);
}, 300_000);

test("--debug opens a shell in the failed step; leaving it ends the build with the step's error", async () => {
  const dockerfile = `FROM ${BOX_IMAGE}\nENV WHO=me\nWORKDIR /place\nUSER 7:8\nRUN --mount=type=tmpfs,target=/mounted echo kept > /mounted/file; echo why; false\n`;
  using terminal = buildIn(dockerfile, { columns: 100, rows: 30 }, "--debug");
  expect(await see(terminal, "in its state; leave it to end the build")).toMatch(/^ => => # why\n\nRUN /m);
  terminal.type("echo $WHO-$(pwd)-$(id -u):$(id -g); echo tty-$(test -t 0 && echo yes)", "Enter");
  await see(terminal, /^me-\/place-7:8$/m);
  await see(terminal, /^tty-yes$/m);
  terminal.type("exit", "Enter");
  const end = await see(terminal, "ended with 1");
  expect(end).toMatch(/ERROR: failed to build: Cannot run "\/bin\/sh -c echo kept/);
}, 300_000);

test("Without a terminal the shell takes commands from standard input, and sees what the step left", async () => {
  writeFileSync(join(context, "Dockerfile"), `FROM ${BOX_IMAGE}\nRUN echo left > /file; false\n`);
  const { status, stdout, stderr } = await runStrata(box.root, ["build", "--debug=/bin/sh", context], { input: "cat /file; exit 9\n" });
  expect(stderr).toContain("ended with exit code 1.\n/bin/sh in its state, commands come from standard input:\n");
  expect([status, stdout]).toEqual([1, "left\n"]);
  const taken = await runStrata(box.root, ["build", "--debug", "-"], { input: readFileSync(join(context, "Dockerfile"), "utf8") });
  expect([taken.status, taken.stderr]).toEqual([1, expect.stringContaining("No shell is opened: standard input was the Dockerfile")]);
  writeFileSync(join(context, "Dockerfile"), `FROM ${BOX_IMAGE}\nCOPY absent /\n`);
  const copied = await runStrata(box.root, ["build", "--debug", context]);
  expect([copied.status, copied.stderr]).toEqual([
    1,
    expect.stringContaining("--debug opens a shell where a RUN failed; what failed here runs nothing in the image"),
  ]);
});

test("Bytes that are pulled and written are told", async () => {
  using registryRoot = temporaryRoot();
  await using registry = await serveStrata(registryRoot, ["registry", "serve", "--listen", "127.0.0.1:0"], /127\.0\.0\.1:\d+/);
  const name = `${registry.match[0]}/box:v1`;
  await box.strata("tag", BOX_IMAGE, name);
  await box.strata("push", name);
  using fresh = temporaryRoot();
  writeFileSync(join(context, "Dockerfile"), `FROM ${name}\nCOPY Dockerfile /\n`);
  const { status, stderr } = await runStrata(fresh, ["build", "-o", `type=oci,dest=${join(fresh.root, "../out.tar")}`, context]);
  expect(status).toBe(0);
  expect(stderr).toMatch(/^#2 sha256:[0-9a-f]{64} (\d+\.\d\d[kM]?B) \/ \1 .*done$/m);
  expect(stderr).toMatch(/^#(\d) exporting to outputs\n(?:#\1 sending archive .*\n)*#\1 sending archive \d+\.\d\d[kM]B .*done\n#\1 DONE/m);
}, 300_000);

test.each([
  [["--progress=tty"], {}, 2, /standard error is no terminal/],
  [["--progress=fancy"], {}, 2, /expected auto, none, plain/],
  [[], { BUILDKIT_PROGRESS: "rawjson" }, 0, /^\{"vertexes":\[/],
  [["--progress=plain"], { BUILDKIT_PROGRESS: "quiet" }, 0, /^#1 \[internal\]/],
  [["--progress=none"], {}, 0, /^$/],
])("Without a terminal, flags %j and variables %j", async (flags, env, status, message) => {
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
  const outcome = await runStrata(box.root, ["build", ...flags, context], { env });
  expect(outcome.status).toBe(status);
  expect(outcome.stderr).toMatch(message);
});
