/** Limits of cpu, memory and processes hold while the container pushes against them, and inspect tells of them. */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";
import { TEST_PREFIX } from "../support/root.ts";

const LOOP = "while :; do :; done";

vi.setConfig({ testTimeout: 180_000 }); // every step is a command of its own, and machines are busy

let box: Box;
beforeAll(async () => {
  box = await openBox("sh sleep cat grep tail head echo true");
});
afterAll(async () => await box[Symbol.asyncDispose]());

/** A container that is gone after `use`. */
async function background<T>(flags: readonly string[], script: string, use: (id: string) => Promise<T>): Promise<T> {
  const id = await box.strata("run", "-d", "--network", "none", ...flags, BOX_IMAGE, "sh", "-c", script);
  try {
    return await use(id);
  } finally {
    await box.strata("rm", "-f", id);
  }
}

/** Nanoseconds of cpu that the container has had. */
async function cpuTime(id: string): Promise<number> {
  const pid = await box.strata("inspect", "--format", "{{.State.Pid}}", id);
  const groups = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
  const pathOf = (controller: string): string | undefined => groups.find((line) => line.split(":")[1] === controller)?.split(":")[2];
  const first = pathOf("cpuacct") ?? pathOf("cpu,cpuacct");
  if (first !== undefined) return Number(readFileSync(`/sys/fs/cgroup/cpuacct${first}/cpuacct.usage`, "utf8"));
  return Number(/usage_usec (\d+)/.exec(readFileSync(`/sys/fs/cgroup${pathOf("")}/cpu.stat`, "utf8"))?.[1]) * 1000;
}

/** Cpus in use over the time. */
async function loadOf(id: string, milliseconds: number): Promise<number> {
  const from = process.hrtime.bigint(); // before the first look and after the last one: what these take cannot make it more
  const before = await cpuTime(id);
  await sleep(milliseconds);
  const after = await cpuTime(id);
  return (after - before) / Number(process.hrtime.bigint() - from);
}

describe("cpu", () => {
  test.each([
    { name: "--cpus", flags: ["--cpus", "0.2"] },
    { name: "a period and a quota", flags: ["--cpu-period", "50000", "--cpu-quota", "10000"] },
  ])("$name of a fifth holds a busy loop", async ({ flags }) => {
    const load = await background(flags, LOOP, async (id) => await loadOf(id, 1500));
    expect(load).toBeGreaterThan(0.02); // others may want the processor too
    expect(load).toBeLessThan(0.3);
  });

  test("shares divide a contended cpu in their proportion", async () => {
    const cpuset = ["--cpuset-cpus", "0"];
    await background([...cpuset, "--cpu-shares", "256"], LOOP, async (one) =>
      background([...cpuset, "--cpu-shares", "1024"], LOOP, async (other) => {
        await eventually(async () => {
          const [before, beforeOther] = [await cpuTime(one), await cpuTime(other)];
          await sleep(2000);
          const [small, large] = [(await cpuTime(one)) - before, (await cpuTime(other)) - beforeOther];
          expect(large / small).toBeGreaterThan(2.5);
          expect(large / small).toBeLessThan(6);
        }, 120_000); // while others want the processor too, the looks are not at the same moments
      }),
    );
  });

  test("a cpuset keeps all its threads on those cpus", async () => {
    const last = String(availableParallelism() - 1);
    expect(await box.shell(["--cpuset-cpus", last], "grep Cpus_allowed_list /proc/self/status")).toBe(`Cpus_allowed_list:\t${last}`);
    const load = await background(["--cpuset-cpus", last], `(${LOOP}) & (${LOOP}) & ${LOOP}`, async (id) => await loadOf(id, 1000));
    expect(load).toBeLessThan(1.1);
  });
});

describe("memory", () => {
  test("beyond the limit the program is killed: exit 137, OOMKilled", async () => {
    const name = `${TEST_PREFIX}oom`;
    const { status } = await box.attempt("run", "--name", name, "--network", "none", "--memory", "16m", "--memory-swap", "16m", BOX_IMAGE, "tail", "/dev/zero");
    expect(status).toBe(137);
    expect(await box.strata("inspect", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}", name)).toBe(
      `true 137 ${16 << 20} ${16 << 20}`,
    );
    await box.strata("rm", name);
  });

  test("a program that ends by itself is not OOMKilled", async () => {
    const name = `${TEST_PREFIX}fits`;
    await box.strata(
      "run",
      "--name",
      name,
      "--network",
      "none",
      "--memory",
      "64m",
      BOX_IMAGE,
      "sh",
      "-c",
      "head -c 20000000 /dev/zero | tail -c 20000000 | true",
    );
    expect(await box.strata("inspect", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}}", name)).toBe("false 0");
    await box.strata("rm", name);
  });

  test("a child that is killed for memory is told of, though the program itself goes on and ends well", async () => {
    const script = "tail /dev/zero; echo child: $?";
    const name = `${TEST_PREFIX}oom-child`;
    const { status, stdout } = await box.attempt(
      "run",
      "--name",
      name,
      "--network",
      "none",
      "--memory",
      "16m",
      "--memory-swap",
      "16m",
      BOX_IMAGE,
      "sh",
      "-c",
      script,
    );
    expect([status, stdout]).toEqual([0, "child: 137\n"]);
    expect(await box.strata("inspect", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}}", name)).toBe("true 0");
    expect(await box.strata("ps", "--all", "--filter", `name=${name}`, "--format", "{{.Status}}")).toMatch(/^Exited \(0\)/);
    await box.strata("rm", name);
  });

  test("swap is limited together with memory: twice the memory unless told", async () => {
    const isFirst = existsSync("/sys/fs/cgroup/memory");
    const total = (bytes: number): number => (isFirst ? bytes : bytes - (32 << 20)); // v2 limits swap alone
    const files = isFirst ? "cd memory; cat memory.limit_in_bytes memory.memsw.limit_in_bytes" : "cat memory.max memory.swap.max";
    const both = `cd /sys/fs/cgroup; ${files}`;
    expect(await box.shell(["--memory", "32m"], both)).toBe(`${32 << 20}\n${total(64 << 20)}`);
    expect(await box.shell(["--memory", "32m", "--memory-swap", "40m"], both)).toBe(`${32 << 20}\n${total(40 << 20)}`);
    const soft = isFirst ? "memory/memory.soft_limit_in_bytes" : "memory.low";
    expect(await box.shell(["--memory", "32m", "--memory-reservation", "16m"], `cat /sys/fs/cgroup/${soft}`)).toBe(`${16 << 20}`);
  });
});

test("a paused container takes no exec, is waited for, and is stopped without being unpaused first", async () => {
  await background([], "sleep 300", async (id) => {
    const waiting = box.strata("wait", id, id);
    await box.strata("pause", id);
    expect(await box.attempt("exec", id, "true")).toMatchObject({ stderr: expect.stringContaining("is paused") as string });
    await box.strata("stop", "--time", "1", id);
    expect(await waiting).toBe("137\n137");
    expect(await box.strata("inspect", "--format", "{{.State.Status}} {{.State.Paused}}", id)).toBe("exited false");
  });
});

test("update changes every limit of what runs, and a container that is removed at its end gets no restart policy", async () => {
  await background(["--rm"], "sleep 300", async (id) => {
    const cpu = ["--cpu-shares", "512", "--cpu-period", "50000", "--cpu-quota", "25000", "--cpuset-cpus", "0"];
    await box.strata("update", ...cpu, "--memory", "64m", "--memory-swap", "96m", "--memory-reservation", "32m", "--pids-limit", "77", id);
    const fields = ["CpuShares", "CpuPeriod", "CpuQuota", "CpusetCpus", "Memory", "MemorySwap", "MemoryReservation", "PidsLimit"];
    const values = `512 50000 25000 0 ${64 << 20} ${96 << 20} ${32 << 20} 77`;
    expect(await box.strata("inspect", "--format", fields.map((field) => `{{.HostConfig.${field}}}`).join(" "), id)).toBe(values);
    expect(await box.strata("exec", id, "grep", "Cpus_allowed_list", "/proc/1/status")).toBe("Cpus_allowed_list:\t0");
    const isFirst = existsSync("/sys/fs/cgroup/memory");
    const files = isFirst ? "memory/memory.limit_in_bytes pids/pids.max" : "memory.max pids.max";
    expect(await box.strata("exec", id, "sh", "-c", `cd /sys/fs/cgroup; cat ${files}`)).toBe(`${64 << 20}\n77`);
    const groups = readFileSync(`/proc/${await box.strata("inspect", "--format", "{{.State.Pid}}", id)}/cgroup`, "utf8"); // a group joined late is not mounted inside
    const path = (isFirst ? /:cpu(?:,cpuacct)?:(.*)/ : /^0::(.*)/m).exec(groups)?.[1] ?? "";
    const quota = isFirst ? `/sys/fs/cgroup/cpu${path}/cpu.cfs_quota_us` : `/sys/fs/cgroup${path}/cpu.max`;
    expect(readFileSync(quota, "utf8").trim()).toBe(isFirst ? "25000" : "25000 50000");
    expect(await box.attempt("update", "--restart", "always", id)).toMatchObject({ stderr: expect.stringContaining("removed when it has ended") as string });
  });
});

test("pids: no further process can be made", async () => {
  const { stdout, stderr } = await box.attempt(
    "run",
    "--rm",
    "--network",
    "none",
    "--pids-limit",
    "4",
    BOX_IMAGE,
    "sh",
    "-c",
    "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max; for i in 1 2 3 4 5 6; do sleep 60 & done",
  );
  expect(stdout).toBe("4\n");
  expect(stderr).toContain("Cannot fork");
});
