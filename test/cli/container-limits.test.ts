/** Limits of cpu, memory, processes and block devices hold while the container pushes against them, and inspect tells of them. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { deviceNumbers } from "../../runtime/engine/devices.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { projectRoot, TEST_PREFIX } from "../support/root.ts";

const LOOP = "while :; do :; done";

vi.setConfig({ testTimeout: 60_000 }); // every step is a command of its own, and machines are busy

let box: Box;
beforeAll(async () => {
  box = await openBox("sh sleep cat grep dd tail head echo yes true");
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
  const [before, from] = [await cpuTime(id), process.hrtime.bigint()];
  await sleep(milliseconds);
  return ((await cpuTime(id)) - before) / Number(process.hrtime.bigint() - from);
}

describe("cpu", () => {
  test.each([
    { name: "--cpus", flags: ["--cpus", "0.2"] },
    { name: "a period and a quota", flags: ["--cpu-period", "50000", "--cpu-quota", "10000"] },
  ])("$name of a fifth holds a busy loop", async ({ flags }) => {
    const load = await background(flags, LOOP, async (id) => await loadOf(id, 1500));
    expect(load).toBeGreaterThan(0.05);
    expect(load).toBeLessThan(0.3);
  });

  test("shares divide a contended cpu in their proportion", async () => {
    const cpuset = ["--cpuset-cpus", "0"];
    const [small, large] = await background([...cpuset, "--cpu-shares", "256"], LOOP, async (one) =>
      background([...cpuset, "--cpu-shares", "1024"], LOOP, async (other) => {
        await sleep(300);
        const [before, beforeOther] = [await cpuTime(one), await cpuTime(other)];
        await sleep(3000);
        return [(await cpuTime(one)) - before, (await cpuTime(other)) - beforeOther] as const;
      }),
    );
    expect(large / small).toBeGreaterThan(2.5);
    expect(large / small).toBeLessThan(6);
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
    "cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max; for i in 1 2 3 4 5 6; do sleep 5 & done",
  );
  expect(stdout).toBe("4\n");
  expect(stderr).toContain("Cannot fork");
});

describe("block devices, by direct input and output", () => {
  const cache = join(projectRoot, ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, TEST_PREFIX)); // a tmpfs has no device
  const device = deviceOf(folder);
  const bind = ["-v", `${folder}:/io`];
  beforeAll(() => writeFileSync(join(folder, "data"), Buffer.alloc(8 << 20)));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Seconds that a dd took, as it says. */
  async function seconds(flags: readonly string[], dd: string): Promise<number> {
    const said = await box.shell([...bind, ...flags], `dd ${dd} 2>&1`);
    return Number(/copied, ([\d.e-]+) s/.exec(said)?.[1]);
  }

  const rows = [
    { flag: "--device-read-bps", rate: "2m", dd: "if=/io/data of=/dev/null bs=256k count=12 iflag=direct" },
    { flag: "--device-write-bps", rate: "2m", dd: "if=/dev/zero of=/io/out bs=256k count=12 oflag=direct" },
    { flag: "--device-read-iops", rate: "20", dd: "if=/io/data of=/dev/null bs=4k count=40 iflag=direct" },
    { flag: "--device-write-iops", rate: "20", dd: "if=/dev/zero of=/io/out bs=4k count=40 oflag=direct" },
  ];
  test.each(rows)("$flag holds", async ({ flag, rate, dd }) => {
    expect(await seconds([flag, `${device}:${rate}`], dd)).toBeGreaterThan(1);
    expect(await seconds([flag, `${device}:1000000000`], dd)).toBeLessThan(1);
  });

  test("what is no block device is refused before anything runs", async () => {
    expect(await box.attempt("run", "--rm", "--device-read-bps", "/dev/null:1m", BOX_IMAGE, "true")).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("it is no block device") as string,
    });
    expect(await box.attempt("run", "--rm", "--device-read-bps", "1m", BOX_IMAGE, "true")).toMatchObject({ status: 2 });
    expect(await box.attempt("run", "--rm", "--blkio-weight", "5", BOX_IMAGE, "true")).toMatchObject({ status: 125 });
  });

  test("limits and weight are told by inspect", async () => {
    const flags = ["--blkio-weight", "300", "--device-read-bps", `${device}:2m`, "--blkio-weight-device", `${device}:200`];
    const id = await box.strata("create", "--network", "none", ...flags, BOX_IMAGE, "true");
    const config = JSON.parse(await box.strata("inspect", "--format", "{{json .HostConfig}}", id)) as object;
    expect(config).toMatchObject({
      BlkioWeight: 300,
      BlkioWeightDevice: [{ Path: device, Weight: 200 }],
      BlkioDeviceReadBps: [{ Path: device, Rate: 2 << 20 }],
    });
    await box.strata("rm", id);
  });
});

/** The disk that holds a folder: limits are a whole disk's. */
function deviceOf(folder: string): string {
  const { major, minor } = deviceNumbers(statSync(folder).dev);
  const path = execFileSync("readlink", ["-f", `/sys/dev/block/${major}:${minor}`], { encoding: "utf8" }).trim();
  const isPartition = execFileSync("sh", ["-c", `test -e ${path}/partition && echo yes || echo no`], { encoding: "utf8" }).trim() === "yes";
  const parts = path.split("/");
  return `/dev/${isPartition ? parts.at(-2) : parts.at(-1)}`;
}
