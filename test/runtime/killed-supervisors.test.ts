/**
 * Monitor, keeper, init and whatever else the helper runs, killed with SIGKILL at random moments of a container's life: the next look at it
 * finds the truth, and nothing of it is left. STRATA_TEST_KILLS and STRATA_TEST_SEED ask for more of it or for another order.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MonitorPids } from "../../runtime/process/client.ts";
import { eventually } from "../support/cluster.ts";
import { everythingLeft, orphans } from "./nothing-left.ts";
import { pick, random } from "../support/random.ts";
import { type Lab, openLab } from "./engine-lab.ts";

const KILLS = Number(process.env["STRATA_TEST_KILLS"] ?? 150);
const SEED = Number(process.env["STRATA_TEST_SEED"] ?? 1);
/** Longer than a start takes, on most machines. */
const START_MS = 100;

let lab: Lab;
beforeAll(async () => {
  lab = await openLab({ programs: ["setpriv"] });
});
afterAll(async () => await lab[Symbol.asyncDispose]());

const sleeper = { command: ["sleep", "300"], network: { kind: "none" } } as const;

function pidsOf(id: string): MonitorPids {
  return JSON.parse(readFileSync(join(lab.root.runRoot, "containers", id, "pid"), "utf8")) as MonitorPids;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** This process's children and theirs, helpers all of them. */
function descendants(pid: number = process.pid): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return children
    .filter((child) => child !== "")
    .flatMap((child) => {
      try {
        return [Number(child), ...descendants(Number(child))];
      } catch {
        return []; // ended meanwhile
      }
    });
}

describe("a killed monitor", () => {
  test("is noticed at once: the container is recorded as ended, with the time and the reason, and settled", async () => {
    const { record } = await lab.engine.create({ image: lab.image, ...sleeper, network: { kind: "bridge", name: "bridge" } });
    await lab.engine.start(record.id, { settle: "monitor" });
    await sleep(300);
    const before = Date.now();
    kill(pidsOf(record.id).monitor);
    const exit = await lab.engine.wait(record.id);
    expect(exit).toMatchObject({ exitCode: 137, signal: 9, oomKilled: false, error: "its monitor was killed by signal 9" });
    expect(Date.parse(exit.finishedAt)).toBeGreaterThanOrEqual(before - 5); // not when it was started
    await eventually(async () => expect((await lab.engine.get(record.id)).record.unsettled).toBe(false));
    expect((await lab.engine.get(record.id)).status).toMatchObject({ status: "exited", exit, error: exit.error });
    await eventually(async () => expect(await Promise.resolve(orphans(lab.root, lab.store, [record.id], []))).toEqual([]));
    await lab.engine.remove(record.id);
  });

  test("takes along a program that changed its user, which forgets what binds it to its parent", async () => {
    const { record } = await lab.background(["setpriv", "--reuid=1000", "--clear-groups", "sleep", "300"]);
    const { pid, monitor } = pidsOf(record.id);
    await eventually(async () => expect(await Promise.resolve(readFileSync(`/proc/${pid}/comm`, "utf8"))).toBe("sleep\n"));
    kill(monitor);
    expect(await lab.engine.wait(record.id)).toMatchObject({ exitCode: 137 });
    expect(() => readFileSync(`/proc/${pid}/stat`)).toThrow("ENOENT");
    await lab.engine.remove(record.id);
  });

  test("and keeper: the next look ends what still runs and leaves the record", async () => {
    const { record } = await lab.background(["setpriv", "--reuid=1000", "--clear-groups", "sleep", "300"], { network: { kind: "bridge", name: "bridge" } });
    const { pid, monitor, keeper = 0 } = pidsOf(record.id);
    await eventually(async () => expect(await Promise.resolve(readFileSync(`/proc/${pid}/comm`, "utf8"))).toBe("sleep\n"));
    kill(keeper);
    expect((await lab.engine.get(record.id)).status.status).toBe("running");
    kill(monitor);
    await eventually(async () => expect((await lab.engine.get(record.id)).status).toMatchObject({ status: "exited", error: "its monitor was killed" }));
    await eventually(async () => expect(await Promise.resolve(orphans(lab.root, lab.store, [record.id], []))).toEqual([]));
    const first = (await lab.engine.get(record.id)).status.exit;
    expect((await lab.engine.get(record.id)).status.exit).toEqual(first);
    await lab.engine.remove(record.id);
  });
});

test(`${KILLS} kills at random moments leave a consistent container, and nothing once it is removed`, { timeout: 300_000 + KILLS * 500 }, async () => {
  const next = random(SEED);
  const seen = new Map<string, number>();
  for (let round = 0; round < KILLS; round++) {
    const network = round % 10 === 0 ? ({ kind: "bridge", name: "bridge" } as const) : sleeper.network;
    const { record } = await lab.engine.create({ image: lab.image, ...sleeper, network, ...(round % 7 === 0 && { command: ["true"] }) });
    const { id } = record;
    const settle = round % 5 === 0 ? "monitor" : "caller"; // a command of its own, or as `run` does
    const started = lab.engine.start(id, { settle }).then(
      () => "started",
      (error: unknown) => `refused: ${(error as { code?: string }).code}`,
    );
    await sleep(next() * START_MS);
    const victims = descendants();
    if (victims.length > 0) kill(pick(next, victims));
    if (next() < 0.2) for (const pid of descendants()) kill(pid); // and all at once
    const outcome = await started;
    const context = `seed ${SEED}, round ${round}: ${outcome}`;
    await eventually(async () => {
      if (settle === "caller") await lab.engine.settle(id);
      const { record: now, status } = await lab.engine.get(id);
      if (status.status === "running") expect(status.pid, context).toBe(pidsOf(id).pid);
      else expect([status.status, status.pid, now.unsettled], context).toEqual([expect.stringMatching(/^(created|exited)$/), 0, false]);
      seen.set(`${outcome}, ${status.status}`, (seen.get(`${outcome}, ${status.status}`) ?? 0) + 1);
      expect(orphans(lab.root, lab.store, [id], status.status === "running" ? [id] : []), context).toEqual([]);
    });
    await lab.engine.remove(id, { force: true });
    if (round % 20 < 19) continue;
    await lab.engine.networks.removeIdle();
    await eventually(async () => expect(await Promise.resolve(everythingLeft(lab.root, lab.store, [id])), context).toEqual([]));
  }
  process.stderr.write(`${KILLS} kills, seed ${SEED}: ${JSON.stringify(Object.fromEntries(seen))}\n`);
});
