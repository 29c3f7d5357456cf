/**
 * Verbs at the same container from several sides at once: each does its work or is refused by name, nothing hangs, and what comes of it is one
 * of the states that some order of them would give. STRATA_TEST_ROUNDS and STRATA_TEST_SEED ask for more or for another order.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Engine } from "../../runtime/engine.ts";
import { RuntimeError } from "../../runtime/errors.ts";
import { eventually } from "../support/cluster.ts";
import { pick, random } from "../support/random.ts";
import { openedForAll } from "../support/opened.ts";
import { openLab } from "./engine-lab.ts";
import { everythingLeft } from "./nothing-left.ts";

const ROUNDS = Number(process.env["STRATA_TEST_ROUNDS"] ?? 40);
const SEED = Number(process.env["STRATA_TEST_SEED"] ?? 1);
const AT_ONCE = 4;
const REFUSALS = /^(CONTAINER_STATE|CONTAINER_UNKNOWN|LAUNCH_FAILED|CONTAINER_EXISTS|UNSUPPORTED)$/;

const lab = openedForAll(openLab);

type Verb = readonly [name: string, act: (engine: Engine, id: string) => Promise<unknown>];

const VERBS: readonly Verb[] = [
  ["start", async (engine, id) => await engine.start(id, { settle: "caller" })],
  ["start", async (engine, id) => await engine.start(id, { settle: "caller" })],
  ["stop", async (engine, id) => await engine.stop(id, { timeout: 0 })],
  ["restart", async (engine, id) => await engine.restart(id, { timeout: 0 })],
  ["kill", async (engine, id) => await engine.kill(id, "KILL")],
  ["pause", async (engine, id) => await engine.pause(id)],
  ["unpause", async (engine, id) => await engine.unpause(id)],
  ["update", async (engine, id) => await engine.update(id, { pidsLimit: 50 })],
  ["exec", async (engine, id) => await (await engine.exec(id, { command: ["true"], detach: true })).exit],
  ["commit", async (engine, id) => await engine.commit(id)],
  ["remove", async (engine, id) => await engine.remove(id)],
];

async function refusal(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error instanceof RuntimeError ? error.code : `${(error as Error).stack}`;
  }
}

test(`${ROUNDS} rounds of ${AT_ONCE} verbs at once`, { timeout: 300_000 + ROUNDS * 1500 }, async () => {
  const next = random(SEED);
  const ids: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { record } = await lab.engine.create({ image: lab.image, network: { kind: "none" }, command: ["sleep", "300"] });
    ids.push(record.id);
    if (next() < 0.5) await lab.engine.start(record.id, { settle: "caller" });
    const verbs = Array.from({ length: AT_ONCE }, () => pick(next, VERBS));
    const context = `seed ${SEED}, round ${round}: ${verbs.map(([name]) => name).join(", ")}`;
    const codes = await Promise.all(
      verbs.map(async ([, act]) => {
        await sleep(next() * 30);
        return await refusal(act(lab.engine, record.id));
      }),
    );
    for (const code of codes) if (code !== undefined) expect(code, context).toMatch(REFUSALS);
    const left = (await lab.engine.list()).find((one) => one.record.id === record.id);
    if (left !== undefined) {
      if (left.status.pid === 0) await lab.engine.settle(record.id);
      expect(left.status.status, context).toMatch(/^(created|running|paused|exited)$/);
      await lab.engine.remove(record.id, { force: true });
    }
  }
  await eventually(async () => expect(await Promise.resolve(everythingLeft(lab.root, lab.store, ids))).toEqual([]));
});

describe("a container that is being started", () => {
  const make = async (): Promise<string> =>
    (await lab.engine.create({ image: lab.image, network: { kind: "bridge", name: "bridge" }, command: ["sleep", "300"], restart: { name: "always" } })).record
      .id;

  test("is stopped by a stop that comes meanwhile, and its policy does not start it again", async () => {
    const id = await make();
    const starting = lab.engine.start(id);
    await sleep(5);
    await lab.engine.stop(id, { timeout: 0 });
    await starting;
    expect((await lab.engine.get(id)).status.status).toBe("exited");
    await sleep(500);
    expect((await lab.engine.get(id)).status.status).toBe("exited");
    await lab.engine.remove(id);
  });

  test("goes with a forced removal that comes meanwhile", async () => {
    const id = await make();
    const starting = refusal(lab.engine.start(id));
    await sleep(5);
    await lab.engine.remove(id, { force: true });
    await starting;
    await lab.engine.networks.removeIdle();
    await eventually(async () => expect(await Promise.resolve(everythingLeft(lab.root, lab.store, [id]))).toEqual([]));
  });

  test("is started once by two starts", async () => {
    const id = await make();
    expect(new Set(await Promise.all([refusal(lab.engine.start(id)), refusal(lab.engine.start(id))]))).toEqual(new Set(["CONTAINER_STATE", undefined]));
    await lab.engine.remove(id, { force: true });
  });
});
