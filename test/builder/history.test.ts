import { execFile, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { historyFolder } from "../../builder/history/history-folder.ts";
import { listBuilds } from "../../builder/history/history.ts";
import { MAX_RECORDS, Recorder } from "../../builder/history/recorder.ts";
import { BOX_IMAGE, openBox, type Box } from "../support/box.ts";
import { runStrata } from "../support/cli.ts";
import { strata } from "../support/root.ts";

let box: Box;
let context: string;

beforeAll(async () => {
  box = await openBox("sh echo sleep");
  context = join(box.root.root, "../app");
  mkdirSync(context);
});

afterAll(async () => await box[Symbol.asyncDispose]());

async function build(dockerfile: string, ...args: readonly string[]): Promise<number> {
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  return (await runStrata(box.root, ["build", ...args, context])).status;
}

interface Listed {
  readonly ID: string;
  readonly Name: string;
  readonly Status: string;
}

async function list(): Promise<readonly Listed[]> {
  const lines = await box.strata("build", "history", "ls", "--format", "json");
  return lines
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Listed);
}

test("A build leaves a record: how it went, its steps, and all that they printed", async () => {
  const lines = Array.from({ length: 40 }, (_, at) => `line ${at}`);
  const dockerfile = `FROM ${BOX_IMAGE}\nARG A\nRUN ${lines.map((line) => `echo ${line}`).join("; ")}; printf 'no end'\n`;
  expect(await build(dockerfile, "-t", "local/app", "--build-arg", "A=1", "--quiet")).toBe(0);
  expect(await build(`${dockerfile}RUN echo bad >&2; exit 3\n`, "--explain", "--build-arg", "A=1")).toBe(1);
  const [failed, first] = await list();
  expect([failed?.Status, first?.Status, first?.Name]).toEqual(["Error", "Completed", "app/Dockerfile"]);
  const record = JSON.parse(await box.strata("build", "history", "inspect", "^1", "--format", "json")) as Record<string, unknown>;
  expect(record).toMatchObject({
    id: first?.ID,
    context,
    tags: ["local/app"],
    buildArgs: { A: "1" },
    status: "Completed",
    image: expect.stringMatching(/^sha256:/) as unknown,
  });
  expect(record["steps"]).toMatchObject([
    { number: 1 },
    { number: 2, result: "cached" },
    { number: 3, result: "done" },
    { number: 4, name: "exporting to image" },
  ]);
  expect(await box.strata("build", "history", "logs", first?.ID ?? "", "--step", "3")).toBe([...lines, "no end"].join("\n"));
  expect(await box.strata("build", "history", "logs", "^1")).toMatch(/#3 \d\.\d{3} line 39\n#3 \d\.\d{3} no end\n#3 DONE/);
  const text = await box.strata("build", "history", "inspect");
  expect(text).toContain("Status:       Error\n");
  expect(text).toMatch(/#3 {3}cached +\d+\.\ds {2}\[2\/3\] RUN echo line 0.*\n +hit: nothing that it depends on changed/);
  expect(text).toContain(">>> RUN echo bad");
  expect(statSync(historyFolder(box.root.root)).mode & 0o777).toBe(0o700);
});

test("Records are found by id and place, listed by state, and removed", async () => {
  const all = await list();
  expect(await box.strata("build", "history", "ls", "-q", "--filter", "status=error", "--no-trunc")).toBe(all.find(({ Status }) => Status === "Error")?.ID);
  const missing = await box.attempt("build", "history", "logs", "zz");
  expect([missing.status, missing.stderr]).toEqual([1, expect.stringContaining("Cannot find build zz: there is no record of it")]);
  const id = all.at(-1)?.ID ?? "";
  expect(await box.strata("build", "history", "rm", id)).toBe(id);
  expect((await list()).map(({ ID }) => ID)).not.toContain(id);
  expect((await box.attempt("build", "history", "rm")).status).toBe(2);
});

test("A build that is killed keeps what its steps had printed", async () => {
  writeFileSync(join(context, "Dockerfile"), `FROM ${BOX_IMAGE}\nRUN echo first; sleep 1; echo before the $((6 * 7)); sleep 1000\n`);
  const child = spawn(process.execPath, [strata, "build", "--no-cache", context], { env: box.root.env, stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await expect.poll(async () => (await runStrata(box.root, ["build", "history", "logs"])).stdout, { timeout: 60_000 }).toContain("before the 42");
  expect((await list())[0]?.Status).toBe("Running");
  child.kill("SIGKILL");
  await ended;
  expect((await list())[0]?.Status).toBe("Interrupted");
  const [name = ""] = readdirSync(historyFolder(box.root.root)).toSorted().toReversed();
  const path = join(historyFolder(box.root.root), name);
  truncateSync(path, statSync(path).size - 5); // as if the machine had stopped in the middle of a line
  expect(await box.strata("build", "history", "logs")).toContain("[2/2] RUN echo first");
});

test("A build that was stopped by ^C is told so", async () => {
  const child = execFile(process.execPath, [strata, "build", "--no-cache", context], { env: box.root.env });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await expect.poll(async () => (await list())[0]?.Status, { timeout: 60_000 }).toBe("Running");
  child.kill("SIGINT");
  await ended;
  expect((await list())[0]?.Status).toBe("Canceled");
});

test("What the cache answers is one write at the end; old records go", async () => {
  const folder = join(box.root.root, "../records");
  const record = (at: number): Recorder => {
    const id = String(at).padStart(5, "0");
    const head = { context: undefined, target: undefined, platform: undefined, owner: "", name: "", dockerfile: "", buildArgs: {}, tags: [], startedAt: "" };
    return new Recorder(folder, { id, ...head });
  };
  const first = record(0);
  first.show({ kind: "started", vertex: 1, name: "a", inputs: [] });
  first.show({ kind: "cached", vertex: 1 });
  first.show({ kind: "done", vertex: 1 });
  expect(() => readdirSync(folder)).toThrow(/ENOENT/);
  first.end({ status: "Completed", image: "sha256:0" });
  const lines = readFileSync(join(folder, "00000.jsonl"), "utf8").trimEnd().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ end: { status: "Completed", steps: { total: 1, completed: 1, cached: 1 } } });
  for (let at = 1; at <= MAX_RECORDS + 2; at++) record(at).end({ status: "Completed" });
  const left = readdirSync(folder).sort();
  expect([left.length, left[0]]).toEqual([MAX_RECORDS, "00003.jsonl"]);
});

test("A record that cannot be written does not fail the build", async () => {
  await box.strata("build", "history", "rm", "--all");
  expect(listBuilds(box.root.root)).toEqual([]);
  const file = join(box.root.root, "../a-file");
  writeFileSync(file, "");
  const recorder = new Recorder(join(file, "below"), {} as never);
  recorder.show({ kind: "output", vertex: 1, stream: "stdout", data: Buffer.from("x") });
  expect(() => recorder.end({ status: "Completed" })).not.toThrow();
});
