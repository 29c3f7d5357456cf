/** `kill -9` of a build at any moment: the store stays whole, the next build gives what it would have given, nothing is left on the machine. */
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBox, type Box } from "../support/box.ts";
import { runStrata } from "../support/cli.ts";
import { eventually } from "../support/cluster.ts";
import { leftovers } from "../support/leftovers.ts";
import { strata, temporaryRoot } from "../support/root.ts";

const KILLS = 30;
const TIMEOUT_MS = 900_000;
const FOLDERS = 12;
const FILES = 100;
/** Every kind of step: walked and native copies, runs with mounts, stages that wait for each other, links, an archive. */
const DOCKERFILE = `FROM local/box AS one
COPY wide /wide
RUN --mount=type=cache,target=/cache echo "$RANDOM" > /cache/a; cat /wide/0/* > /sum
FROM local/box AS two
ARG ROUND
COPY small /small
RUN echo "$ROUND" > /round; ln -s /round /link; rm -r /small
FROM local/box
ARG ROUND
COPY --from=one /sum /sum
COPY --from=two /round /link /
RUN --mount=type=bind,target=/src cp /src/small/file /copied; echo "$ROUND" >> /copied
`;

let box: Box;
let context: string;

beforeAll(async () => {
  box = await openBox("sh,cat,cp,ln,rm,sleep");
  context = join(box.root.root, "../context");
  for (let folder = 0; folder < FOLDERS; folder++) {
    mkdirSync(join(context, "wide", String(folder)), { recursive: true });
    for (let file = 0; file < FILES; file++) writeFileSync(join(context, "wide", String(folder), `${file}`), `${folder} ${file}\n`);
  }
  mkdirSync(join(context, "small"));
  writeFileSync(join(context, "small/file"), "small\n");
  writeFileSync(join(context, "Dockerfile"), DOCKERFILE);
});

afterAll(async () => await box[Symbol.asyncDispose]());

const flags = (round: number): readonly string[] => ["-q", "--network", "none", "-t", "killed", "--build-arg", `ROUND=${round}`, context];

/** How long it took, in milliseconds; undefined when it was killed before it had ended. */
async function buildAndKill(round: number, after: number): Promise<number | undefined> {
  const started = Date.now();
  const child = spawn(process.execPath, [strata, "build", ...flags(round)], { env: box.root.env, stdio: "ignore" });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  const timer = setTimeout(() => child.kill("SIGKILL"), after);
  const signal = await ended;
  clearTimeout(timer);
  return signal === "SIGKILL" ? undefined : Date.now() - started;
}

/** Numbers below 1 that are the same in each run. */
function* fractions(): Generator<number, never> {
  for (let seed = 12345; ;) {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    yield seed / 2 ** 31;
  }
}

test("killed at many moments: whole, and the same image as a store that never saw a kill", { timeout: TIMEOUT_MS }, async () => {
  let longest = (await buildAndKill(0, TIMEOUT_MS))!;
  const moment = fractions();
  let kills = 0;
  for (let round = 1; kills < KILLS && round < 4 * KILLS; round++) {
    appendFileSync(join(context, "wide/3/33"), `round ${round}\n`);
    const took = await buildAndKill(round, moment.next().value * longest);
    if (took === undefined) kills++;
    else longest = took;
    if (round % 8 === 0) expect(await box.strata("system", "check")).toBe("");
  }
  expect(kills).toBe(KILLS);
  expect(await box.strata("system", "check")).toBe("");
  const id = await box.strata("build", ...flags(-1));
  using other = temporaryRoot();
  await runStrata(other, ["base", "create", "local/box", "--bin", "sh,cat,cp,ln,rm,sleep"]);
  const fresh = await runStrata(other, ["build", ...flags(-1)]);
  expect(id).toBe(fresh.stdout.trim());
  await eventually(async () => await Promise.resolve(expect(leftovers(box.root)).toEqual([])));
  await box.strata("images");
  expect(readdirSync(join(box.root.root, "ingest"))).toEqual([]);
  expect(readdirSync(join(box.root.root, "active"))).toEqual([]);
});

test("killed in a RUN that goes on: its processes end with it", async () => {
  writeFileSync(join(context, "Dockerfile.long"), `FROM local/box\nRUN sleep ${SECONDS} & sleep ${SECONDS}\n`);
  const child = spawn(process.execPath, [strata, "build", "-f", join(context, "Dockerfile.long"), context], {
    env: box.root.env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  await eventually(async () => await Promise.resolve(expect(sleepers()).toBe(2)));
  child.kill("SIGKILL");
  await eventually(async () => await Promise.resolve(expect(sleepers()).toBe(0)));
  await box.strata("images");
  await eventually(async () => await Promise.resolve(expect(leftovers(box.root)).toEqual([])));
});

/** No other process of the machine sleeps as long. */
const SECONDS = 100_000_000 + process.pid;

function sleepers(): number {
  const texts = readdirSync("/proc").flatMap((pid) => (/^\d+$/.test(pid) ? commandLine(pid) : []));
  return texts.filter((text) => text === `sleep\u0000${SECONDS}\u0000`).length;
}

function commandLine(pid: string): string[] {
  try {
    return [readFileSync(`/proc/${pid}/cmdline`, "utf8")];
  } catch {
    return [];
  }
}
