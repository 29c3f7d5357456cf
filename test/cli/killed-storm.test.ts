/** Short commands that are killed at any moment, beside builds and collections that are too: what was told is there, and the store is whole. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { strata } from "../support/root.ts";

const ROUNDS = 12;

let box: Box;
beforeAll(async () => {
  box = await openBox("sh cat true");
}, 180_000);
afterAll(async () => await box[Symbol.asyncDispose](), 60_000);

/** Whether it ended well; after `patience` milliseconds it is killed. A failure that is none of that is none of these tests'. */
async function endsWell(patience: number | undefined, ...args: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, [strata, ...args], { env: box.root.env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (data: Buffer) => (said += data.toString()));
  const timer = patience === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), patience);
  const [status] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  if (status !== null && status !== 0) expect(said).toMatch(/^$|^strata: (?!This is a bug)/m);
  return status === 0;
}

/** Two of three are killed, at moments that go through all that a command does. */
function patienceOf(round: number, at: number): number | undefined {
  const step = round * 7 + at * 3;
  return step % 3 === 0 ? undefined : 30 + ((step * 37) % 220);
}

async function shortOnes(at: number, told: Set<string>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const [name, before] = [`c${at}-${round}`, `c${at}-${round - 1}`];
    const patience = (step: number): number | undefined => patienceOf(round, at + step);
    await endsWell(patience(0), "run", "--rm", "--network", "none", BOX_IMAGE, "true");
    if (await endsWell(patience(1), "create", "--name", name, "--network", "none", BOX_IMAGE, "true")) told.add(name);
    if (await endsWell(patience(2), "tag", BOX_IMAGE, `storm:${name}`)) told.add(`storm:${name}`);
    told.delete(before);
    await endsWell(patience(3), "rm", "-f", before);
  }
}

async function longOnes(folder: string, others: Promise<unknown>): Promise<void> {
  const state = { isOver: false };
  void others.finally(() => (state.isOver = true)).catch(() => undefined);
  for (let round = 0; !state.isOver; round++) {
    writeFileSync(join(folder, "file"), String(round));
    await endsWell(round % 3 === 2 ? 300 : undefined, "build", "-t", "built", folder);
    await endsWell(round % 3 === 1 ? 150 : undefined, "system", "prune", "--force", "--filter", "label=nobody");
  }
}

test("after a storm of killed commands all that was told is there, and everything is whole", { timeout: 300_000 }, async () => {
  const folder = join(box.root.root, "../context");
  mkdirSync(folder);
  writeFileSync(join(folder, "Dockerfile"), `FROM ${BOX_IMAGE}\nCOPY file /file\nRUN cat /file > /copy\n`);
  const told = new Set<string>();
  const storm = Promise.all([0, 1].map(async (at) => await shortOnes(at, told)));
  await Promise.all([storm, longOnes(folder, storm)]);
  const there = `${await box.strata("ps", "-a", "--format", "{{.Names}}")}\n${await box.strata("images", "--format", "{{.Repository}}:{{.Tag}}")}`.split("\n");
  expect([...told].filter((name) => !there.includes(name))).toEqual([]);
  expect(await box.attempt("system", "check")).toMatchObject({ status: 0, stderr: "Everything is whole\n" });
});
