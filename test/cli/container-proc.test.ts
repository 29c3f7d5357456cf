/** /proc in a container tells of its limits: by files of our own, by lxcfs where that is mounted, or not at all when it is switched off. */
import { execFile } from "node:child_process";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { strata } from "../support/root.ts";

const run = promisify(execFile);
const ASK = `free --bytes | grep Mem; getconf _NPROCESSORS_ONLN; grep -c ^processor /proc/cpuinfo; grep -c '^cpu[0-9]' /proc/stat; nproc; node -p 'require("os").totalmem() + " " + require("os").cpus().length'`;

let box: Box;
beforeAll(async () => {
  box = await openBox("sh cat free grep getconf nproc node sleep uptime cut");
});
afterAll(async () => await box[Symbol.asyncDispose]());

const WITHOUT = `sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \\([^ ]*\\) .* - fuse.lxcfs .*/\\1/p' /proc/self/mountinfo | while read -r path; do umount -l "$path"; done
  exec "$@"`;
const WITH = `mkdir "$LXCFS" && { lxcfs -f -p "$LXCFS.pid" "$LXCFS" >/dev/null 2>&1 & } && pid=$!
  for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do grep -q " $LXCFS fuse.lxcfs " /proc/self/mounts && break; sleep 0.5; done
  "$@"; status=$?; kill $pid; wait $pid; exit $status`;

let mounted = 0;

/** strata in a mount namespace of its own: what is mounted for it nobody else on this machine finds, and what others mounted it does not. */
async function strataWhere(setUp: string, ...args: readonly string[]): Promise<string> {
  const env = { ...box.root.env, LXCFS: join(box.root.root, `lxcfs-${mounted++}`) };
  const command = ["sh", "-c", setUp, "sh", process.execPath, strata, ...args];
  return (await run("unshare", ["--mount", "--propagation", "private", ...command], { env })).stdout.trim();
}

async function ask(setUp: string, flags: readonly string[], script = ASK): Promise<string> {
  return await strataWhere(setUp, "run", "--rm", "--network", "none", ...flags, BOX_IMAGE, "sh", "-c", script);
}

interface Seen {
  readonly free: number;
  readonly online: number;
  readonly cpuinfo: number;
  readonly stat: number;
  readonly nproc: number;
  readonly totalmem: number;
  readonly cpus: number;
}

function read(said: string): Seen {
  const [free, online, cpuinfo, stat, nproc, node] = said.trim().split("\n");
  const [memory, cpus] = (node ?? "").split(" ").map(Number);
  return {
    free: Number(free?.split(/\s+/)[1]),
    online: Number(online),
    cpuinfo: Number(cpuinfo),
    stat: Number(stat),
    nproc: Number(nproc),
    totalmem: memory ?? 0,
    cpus: cpus ?? 0,
  };
}

const whole: Seen = {
  free: expect.any(Number) as number,
  online: availableParallelism(),
  cpuinfo: availableParallelism(),
  stat: availableParallelism(),
  nproc: availableParallelism(),
  totalmem: totalmem(),
  cpus: availableParallelism(),
};
const LIMIT = 256 << 20;
const one = { free: LIMIT, totalmem: LIMIT, online: 1, cpuinfo: 1, stat: 1, cpus: 1 };

describe("without lxcfs", () => {
  test("free, nproc and node see the limits of memory and cpuset", async () => {
    expect(read(await ask(WITHOUT, ["--memory", "256m", "--cpuset-cpus", "0"], ASK))).toEqual({ ...one, nproc: 1 });
  });

  test("a quota of one cpu is one cpu for what reads files; nproc asks for the affinity, which it leaves", async () => {
    expect(read(await ask(WITHOUT, ["--memory", "256m", "--cpus", "1"], ASK))).toEqual({ ...one, nproc: availableParallelism() });
  });

  test("without limits, and with proc=host, the machine is seen", async () => {
    expect(read(await ask(WITHOUT, [], ASK))).toEqual(whole);
    expect(read(await ask(WITHOUT, ["--memory", "256m", "--cpus", "1", "--security-opt", "proc=host"], ASK))).toEqual(whole);
  });

  test("swap is what the limits leave of it, and the files cannot be written", async () => {
    expect(await ask(WITHOUT, ["--memory", "256m", "--memory-swap", "256m"], "grep SwapTotal /proc/meminfo | cut -c 11-")).toMatch(/^\s*0 kB$/);
    await expect(ask(WITHOUT, ["--memory", "256m"], "echo x > /proc/meminfo")).rejects.toThrow("Read-only file system");
  });

  test("update is seen by the running container", async () => {
    const id = await strataWhere(WITHOUT, "run", "-d", "--network", "none", "--memory", "256m", "--cpus", "1", BOX_IMAGE, "sleep", "600");
    await box.strata("update", "--memory", "128m", "--memory-swap", "128m", "--cpus", String(availableParallelism()), id);
    const seen = read(await box.strata("exec", id, "sh", "-c", ASK));
    expect(seen).toEqual({ ...whole, free: LIMIT / 2, totalmem: LIMIT / 2 });
    await box.strata("rm", "-f", id);
  });
});

describe("with lxcfs", () => {
  test("its files are bound, and use is seen too", async () => {
    const script = `${ASK}; node -p 'os.totalmem() - os.freemem()'; cut -d. -f1 /proc/uptime`;
    const said = await ask(WITH, ["--memory", "256m", "--cpuset-cpus", "0"], script);
    expect(read(said)).toEqual({ ...one, nproc: 1 });
    const [used, uptime] = said.split("\n").slice(-2).map(Number);
    expect(used).toBeGreaterThan(5 << 20); // node itself
    expect(uptime).toBeLessThan(60); // the container's own time, not the machine's
  });
});

test.each([
  { name: "without lxcfs", setUp: WITHOUT, files: [] },
  { name: "with lxcfs", setUp: WITH, files: ["/proc/loadavg", "/proc/uptime"] },
])("load and uptime are the container's own where lxcfs tells them: $name", async ({ setUp, files }) => {
  const said = await ask(setUp, ["--memory", "256m"], "cat /proc/loadavg; grep -o ' /proc/loadavg \\| /proc/uptime ' /proc/self/mountinfo || true");
  const [load, ...bound] = said.split("\n").map((line) => line.trim());
  expect([load?.split(" ").length, bound.toSorted()]).toEqual([5, files]);
});
