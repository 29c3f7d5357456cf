/**
 * Commands of every kind killed with SIGKILL at random moments, several at once and on the same few containers, beside one that lives:
 * the next command finds a consistent state, puts in order what was left, and a container that is removed leaves nothing.
 * STRATA_TEST_KILLS and STRATA_TEST_SEED ask for more of it or for another order.
 */
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually as soon } from "../support/cluster.ts";
import { pick, random, type Random } from "../support/random.ts";
import { strata, TEST_PREFIX, treeTool } from "../support/root.ts";
import { everythingLeft, orphans } from "./nothing-left.ts";

const KILLS = Number(process.env["STRATA_TEST_KILLS"] ?? 240);
const SEED = Number(process.env["STRATA_TEST_SEED"] ?? 1);
/** Killed at about the same time, on so many containers: they come into each other's way. */
const AT_ONCE = 6;
const VICTIMS = 3;
/** Longer than any of these commands takes on a machine that does other work too. */
const LIFE_MS = 500;
/** Rounds until all is removed. */
const GENERATION = 10;

let box: Box;
let store: Store;
beforeAll(async () => {
  box = await openBox("sh sleep true cat");
  store = await openStore({ root: box.root.root, treeTool });
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await box[Symbol.asyncDispose]();
});

const LIVING = `${TEST_PREFIX}living`;

function command(next: Random): readonly string[] {
  const name = `${TEST_PREFIX}victim${Math.floor(next() * VICTIMS)}`;
  const network = ["--network", pick(next, ["none", "bridge"])];
  const published = ["--network", "bridge", "-p", "127.0.0.1::80", "-p", "53/udp"];
  return pick<readonly string[]>(next, [
    ["run", "-d", "--name", name, ...network, "-v", "/anonymous", BOX_IMAGE, "sleep", "300"],
    ["run", "-d", "--name", name, ...published, "-v", "named:/data", BOX_IMAGE, "sleep", "300"],
    ["run", "-d", "--name", name, ...published, BOX_IMAGE, "sleep", "300"],
    ["run", "--rm", "--name", name, ...network, BOX_IMAGE, "sleep", "0.1"],
    ["create", "--name", name, "--network", "none", BOX_IMAGE, "true"],
    ["start", name],
    ["stop", "--time", "0", name],
    ["restart", "--time", "0", name],
    ["rm", "--force", name],
    ["exec", name, "sh", "-c", "echo in > /made; sleep 0.2"],
    ["cp", `${name}:/bin`, `${box.root.root}/copied`],
    ["cp", `${box.root.root}/db`, `${name}:/taken`],
    ["commit", name, "local/committed"],
    ["pause", name],
    ["unpause", name],
    ["update", "--memory", "64m", "--memory-swap", "64m", name],
    ["network", "connect", "beside", name],
    ["network", "disconnect", "beside", name],
    ["kill", name],
  ]);
}

/** Runs it for so long; what it said is nobody's. */
async function killed(args: readonly string[], after: number): Promise<void> {
  const child = spawn(process.execPath, [strata, ...args], { env: box.root.env, stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await Promise.race([sleep(after), ended]);
  child.kill("SIGKILL");
  await ended;
}

interface Row {
  readonly ID: string;
  readonly Names: string;
  readonly State: string;
}

async function rows(): Promise<readonly Row[]> {
  const text = await box.strata("ps", "--all", "--no-trunc", "--format", "json");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Row]));
}

async function begin(): Promise<void> {
  await box.strata("network", "create", "beside");
  await box.strata("run", "-d", "--name", LIVING, "-p", "127.0.0.1::80", BOX_IMAGE, "sleep", "3000");
}

async function removeAll(): Promise<void> {
  const ids = (await rows()).map(({ ID }) => ID);
  if (ids.length > 0) await box.strata("rm", "--force", "--volumes", ...ids);
  await box.strata("network", "prune", "--force");
  await box.strata("volume", "prune", "--all", "--force");
}

const eventually = async (check: () => Promise<void>): Promise<void> => await soon(check, 60_000);

/** A command that was killed may still have something under way: a container that starts is settled by its monitor. */
async function expectConsistent(known: Set<string>, context: string): Promise<void> {
  await eventually(async () => {
    const found = await rows();
    for (const { ID, Names, State } of found) {
      known.add(ID);
      expect(State, context).toMatch(Names === LIVING ? /^running$/ : /^(created|running|paused|exited)$/);
    }
    const running = found.filter(({ State }) => State === "running" || State === "paused").map(({ ID }) => ID);
    expect(orphans(box.root, store, [...known], running), context).toEqual([]);
  });
}

test(`${KILLS} commands killed at random moments`, { timeout: 600_000 + KILLS * 2000 }, async () => {
  const next = random(SEED);
  const known = new Set<string>();
  const rounds = Math.ceil(KILLS / AT_ONCE);
  for (let round = 0; round < rounds; round++) {
    if (round % GENERATION === 0) await begin();
    const commands = Array.from({ length: AT_ONCE }, () => command(next));
    await Promise.all(commands.map(async (words) => await killed(words, next() * LIFE_MS)));
    const context = `seed ${SEED}, round ${round}: ${commands.map((words) => words.join(" ")).join("; ")}`;
    await expectConsistent(known, context);
    if (round % GENERATION < GENERATION - 1 && round < rounds - 1) continue;
    await removeAll();
    await eventually(async () => expect(await Promise.resolve(everythingLeft(box.root, store, [...known])), context).toEqual([]));
  }
});
