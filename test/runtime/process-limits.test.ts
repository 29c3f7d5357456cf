/** Limits hold, are reported, can be changed, and their groups go with the container. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { DEFAULT_DEVICE_RULES } from "../../runtime/defaults.ts";
import type { Resources } from "../../runtime/spec.ts";
import { groupsNamed } from "../support/cgroups.ts";
import { openedForAll } from "../support/opened.ts";
import { openLab, type Overrides } from "./lab.ts";

const lab = openedForAll(openLab);

const MIB = 1 << 20;
const silent = { kind: "monitor", stdin: false } as const;
const limited = (resources: Resources): Overrides => ({ linux: { resources: { devices: DEFAULT_DEVICE_RULES, ...resources } } });

async function loadOf(id: string, milliseconds: number): Promise<number> {
  const from = process.hrtime.bigint(); // before the first look and after the last one: what these take cannot make it more
  const before = (await lab.processes.usage(id)).cpuTotal;
  await sleep(milliseconds);
  const after = (await lab.processes.usage(id)).cpuTotal;
  return (after - before) / Number(process.hrtime.bigint() - from);
}

test("a quota of 20 % holds a busy loop", async () => {
  const { state } = await lab.processes.run({ ...lab.request(["probe", "burn", "600"], limited({ cpu: { quota: 20_000, period: 100_000 } })), stdio: silent });
  await sleep(200);
  const load = await loadOf(state.id, 1500);
  await expect.poll(async () => (await lab.processes.usage(state.id)).cpuThrottledPeriods).toBeGreaterThan(0);
  await lab.processes.remove(state.id);
  expect(load).toBeGreaterThan(0.02); // others may want the processor too
  expect(load).toBeLessThan(0.3);
});

test("a program beyond its memory is killed, and the record says why", async () => {
  const { exit } = await lab.run(["probe", "eat", "200"], limited({ memory: { limit: 32 * MIB, swap: 32 * MIB } }));
  expect(exit).toMatchObject({ exitCode: 137, signal: 9, oomKilled: true });
});

test("a program within its memory is not", async () => {
  const { exit, stdout } = await lab.run(["probe", "eat", "20"], limited({ memory: { limit: 64 * MIB, swap: 64 * MIB } }));
  expect({ exit, stdout }).toMatchObject({ exit: { exitCode: 0, oomKilled: false }, stdout: "full\n" });
});

test("the limit of processes holds", async () => {
  const { stdout } = await lab.run(["probe", "fork", "50"], limited({ pids: { limit: 10 } }));
  expect(stdout).toBe("9\n");
});

test("a limit of no further process is a limit", async () => {
  const { stdout } = await lab.run(["probe", "fork", "50"], limited({ pids: { limit: 0 } }));
  expect(stdout).toBe("0\n");
});

test("only harmless devices can be opened", async () => {
  const { stdout } = await lab.shell("read x < /dev/null; echo $?; head -c 1 /dev/kmsg || echo refused", {
    ...limited({}),
    linux: { ...limited({}).linux, devices: [{ path: "/dev/kmsg", type: "c", major: 1, minor: 11 }] },
  });
  expect(stdout).toBe("1\nrefused\n");
});

test("usage tells what a container takes", async () => {
  const { state } = await lab.processes.run({
    ...lab.request(["sh", "-c", "probe eat 20; sleep 600"], limited({ memory: { limit: 64 * MIB } })),
    stdio: silent,
  });
  await expect.poll(async () => (await lab.processes.usage(state.id)).pids).toBe(2);
  const usage = await lab.processes.usage(state.id);
  expect(usage.memoryLimit).toBe(64 * MIB);
  expect(usage.cpuTotal).toBeGreaterThan(0);
  expect(usage.memory).toBeGreaterThan(0);
  await expect.poll(async () => await lab.processes.pids(state.id)).toHaveLength(2);
  await lab.processes.remove(state.id);
});

test("limits of a running container change, up and down, with controllers it had not joined", async () => {
  const { state } = await lab.processes.run({
    ...lab.request(["sh", "-c", "probe burn 60 & sleep 600"], limited({ memory: { limit: 32 * MIB, swap: 32 * MIB } })),
    stdio: silent,
  });
  for (const limit of [64, 16, 128]) {
    await lab.processes.update(state.id, { memory: { limit: limit * MIB, swap: limit * MIB } });
    expect((await lab.processes.usage(state.id)).memoryLimit).toBe(limit * MIB);
  }
  await lab.processes.update(state.id, { cpu: { quota: 10_000, period: 100_000 }, pids: { limit: 33 } });
  await sleep(200);
  expect(await loadOf(state.id, 800)).toBeLessThan(0.2);
  await lab.processes.remove(state.id);
  expect(groupsNamed(state.id)).toEqual([]);
});

test("what an update joined before one of its limits was refused goes with the container too", async () => {
  const { state } = await lab.processes.run({ ...lab.request(["sleep", "600"]), stdio: silent });
  await expect(lab.processes.update(state.id, { cpu: { cpus: "4000" } })).rejects.toMatchObject({ code: "CGROUP_FAILED" });
  expect((await lab.processes.state(state.id))?.status).toBe("running");
  await lab.processes.remove(state.id);
  expect(groupsNamed(state.id)).toEqual([]);
});

test("a paused container does not run until it is resumed", async () => {
  const { state } = await lab.processes.run({ ...lab.request(["probe", "burn", "600"]), stdio: silent });
  await lab.processes.pause(state.id);
  expect((await lab.processes.state(state.id))?.status).toBe("paused");
  expect(await loadOf(state.id, 200)).toBeLessThan(0.01);
  await lab.processes.resume(state.id);
  await expect.poll(async () => await loadOf(state.id, 200)).toBeGreaterThan(0.05);
  await lab.processes.pause(state.id);
  await lab.processes.remove(state.id); // frozen as it is
  expect(await lab.processes.state(state.id)).toBeUndefined();
});

test("groups are there while it runs, and gone with it", async () => {
  const { state } = await lab.processes.run({ ...lab.request(["sleep", "600"], limited({ pids: { limit: 5 } })), stdio: silent });
  const groups = groupsNamed(state.id);
  expect(groups.length).toBeGreaterThan(0);
  for (const group of groups) expect(readFileSync(`${group}/cgroup.procs`, "utf8")).toBe(`${state.pid}\n`);
  await lab.processes.signal(state.id, 9);
  await lab.processes.wait(state.id);
  expect(groupsNamed(state.id)).toEqual([]);
});
