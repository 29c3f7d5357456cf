/** Runs in the machine: every limit set on a real container, and what became of it. One line of JSON a check. */
import { release } from "node:os";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, statfsSync, symlinkSync, cpSync, writeFileSync } from "node:fs";
import { DEFAULT_CAPABILITIES, DEFAULT_DEVICE_RULES, DEFAULT_MOUNTS, MASKED_PATHS, READONLY_PATHS } from "../../runtime/defaults.ts";
import { openProcesses } from "../../runtime/open-processes.ts";
import type { CreateRequest, Processes, RootLayers } from "../../runtime/process.ts";
import type { Resources, Spec } from "../../runtime/spec.ts";
import { disks } from "./disks.ts";
import { hugePages } from "./huge-pages.ts";
import { part, say } from "./say.ts";

const CGROUP2_MAGIC = 0x63677270;
const ROOT = "/sys/fs/cgroup";
const MIB = 1 << 20;
const HELPER = "/strata/build/Release/strata-helper";
const [DISK_MAJOR, DISK_MINOR] = readFileSync("/sys/block/vda/dev", "utf8").trim().split(":").map(Number) as [number, number];

let processes: Processes;
let count = 0;

function layersOf(lowers: readonly string[]): RootLayers {
  const name = `/tmp/active-${count}`;
  const [upper, work] = [`${name}/fs`, `${name}/work`];
  mkdirSync(upper, { recursive: true });
  mkdirSync(work);
  return { lowers, upper, work };
}

function request(args: readonly string[], resources: Resources, layers?: readonly string[]): CreateRequest {
  const capabilities = { bounding: DEFAULT_CAPABILITIES, effective: DEFAULT_CAPABILITIES, permitted: DEFAULT_CAPABILITIES };
  count++;
  const spec: Spec = {
    ociVersion: "1.2.0",
    root: { path: "/tmp/rootfs" },
    hostname: "box",
    mounts: DEFAULT_MOUNTS.filter((mount) => mount.type !== "mqueue"),
    process: { user: { uid: 0, gid: 0 }, args, env: ["PATH=/bin"], cwd: "/", capabilities },
    linux: {
      namespaces: (["pid", "mount", "uts", "ipc", "network", "cgroup"] as const).map((type) => ({ type })),
      resources: { devices: DEFAULT_DEVICE_RULES, ...resources },
      devices: [{ path: "/dev/fuse", type: "c", major: 10, minor: 229 }],
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
  return { id: `box${count}`, spec, stdio: { kind: "monitor", stdin: false }, ...(layers === undefined ? {} : { layers: layersOf(layers) }) };
}

interface Running {
  readonly id: string;
  readonly folder: string;
  readonly file: (name: string) => string;
}

/** With a container that runs until the check is done. */
async function withContainer(resources: Resources, check: (container: Running) => Promise<void>, script = "sleep 1000"): Promise<void> {
  const { state } = await processes.run(request(["sh", "-c", script], resources));
  const folder = `${ROOT}/strata/${state.id}`;
  try {
    await check({ id: state.id, folder, file: (name) => readFileSync(`${folder}/${name}`, "utf8").trim() });
  } finally {
    await processes.remove(state.id);
  }
  if (existsSync(folder)) say(`group of ${state.id} after its end`, "gone", "there");
}

async function output(script: string, resources: Resources = {}, layers?: readonly string[]): Promise<{ readonly text: string; readonly oomKilled: boolean }> {
  let text = "";
  const onOutput = (_: string, data: Uint8Array): void => void (text += Buffer.from(data).toString());
  const exit = await processes.runOnce(request(["sh", "-c", script], resources, layers), { onOutput });
  return { text: text.trim(), oomKilled: exit.oomKilled };
}

const sleep = async (ms: number): Promise<void> => await new Promise((resolve) => setTimeout(resolve, ms));

async function hierarchy(): Promise<void> {
  say("kernel", "6.1", release(), release().startsWith("6.1."));
  say("file system of /sys/fs/cgroup", "cgroup2", statfsSync(ROOT).type === CGROUP2_MAGIC ? "cgroup2" : "another");
  say("hierarchies of v1", "0", String((readFileSync("/proc/mounts", "utf8").match(/ cgroup /g) ?? []).length));
  await withContainer({}, async ({ id, folder }) => {
    const wanted = ["cpu", "cpuset", "io", "memory", "pids"];
    const enabled = readFileSync(`${ROOT}/strata/cgroup.subtree_control`, "utf8").trim().split(" ");
    say(
      "controllers passed on to containers",
      wanted.join(" "),
      enabled
        .filter((name) => wanted.includes(name))
        .sort()
        .join(" "),
    );
    say("processes in the inner group", "", readFileSync(`${ROOT}/strata/cgroup.procs`, "utf8"));
    const [pid = 0] = await processes.pids(id);
    say("group of its process", `0::/strata/${id}`, readFileSync(`/proc/${pid}/cgroup`, "utf8").trim());
    say("group of its process is the folder's", String(pid), readFileSync(`${folder}/cgroup.procs`, "utf8").trim().split("\n")[0] ?? "");
  });
  say("seen from inside", "0::/", (await output("cat /proc/self/cgroup")).text);
  say(
    "/sys/fs/cgroup inside",
    "own and read-only",
    (await output("[ -f /sys/fs/cgroup/cgroup.events ] && ! mkdir /sys/fs/cgroup/x 2>/dev/null && echo own and read-only")).text,
  );
}

async function processor(): Promise<void> {
  const quota = { cpu: { quota: 20_000, period: 100_000, shares: 2048, cpus: "0" } };
  await withContainer(
    quota,
    async ({ id, file }) => {
      say("cpu.max of quota 20000, period 100000", "20000 100000", file("cpu.max"));
      say("cpu.weight of 2048 shares", "174", file("cpu.weight"));
      say("cpuset.cpus", "0", file("cpuset.cpus.effective"));
      const before = (await processes.usage(id)).cpuTotal;
      await sleep(3000);
      const after = await processes.usage(id);
      const share = (after.cpuTotal - before) / 3e9;
      say("a busy loop's share of one processor", "about 0.2", share.toFixed(2), share > 0.1 && share < 0.35);
      say("periods in which it was held back", "some", String(after.cpuThrottledPeriods), after.cpuThrottledPeriods > 0);
    },
    "while :; do :; done",
  );
}

async function memory(): Promise<void> {
  await withContainer(
    { memory: { limit: 32 * MIB, swap: 48 * MIB, reservation: 16 * MIB }, unified: { "memory.high": String(24 * MIB) } },
    async ({ file }) => {
      say("memory.max of 32 MiB", String(32 * MIB), file("memory.max"));
      say("memory.swap.max of memory and swap 48 MiB", String(16 * MIB), file("memory.swap.max"));
      say("memory.low of reservation 16 MiB", String(16 * MIB), file("memory.low"));
      say("memory.high by unified", String(24 * MIB), file("memory.high"));
    },
  );
  const { oomKilled } = await output("tail /dev/zero", { memory: { limit: 16 * MIB, swap: 16 * MIB } });
  say("a program that takes more than its 16 MiB", "killed, told as out of memory", oomKilled ? "killed, told as out of memory" : "no");
}

async function others(): Promise<void> {
  const forks = await output("i=0; while [ $i -lt 20 ]; do sleep 5 & i=$((i+1)); done 2>&1 | head -1; wait", { pids: { limit: 5 } });
  say("the sixth process of five", "refused", /fork/.test(forks.text) ? "refused" : forks.text);
  const rate = { blockIO: { throttleWriteBpsDevice: [{ major: DISK_MAJOR, minor: DISK_MINOR, rate: MIB }], weight: 500 } };
  await withContainer(rate, async ({ file }) => {
    say("io.max of 1 MiB/s written", `${DISK_MAJOR}:${DISK_MINOR} rbps=max wbps=${MIB} riops=max wiops=max`, file("io.max"));
  });
  const started = Date.now();
  await output("dd if=/dev/zero of=/file bs=64k count=48 conv=fsync 2>/dev/null; rm /file", rate);
  say("3 MiB written at 1 MiB/s", "2 s or more", `${((Date.now() - started) / 1000).toFixed(1)} s`, Date.now() - started >= 2000);
  const reads = "for d in null zero fuse; do (: < /dev/$d) 2>/dev/null && echo $d; done; true";
  say("devices by default", "null zero", (await output(reads)).text.replaceAll("\n", " "));
  const more = { devices: [...DEFAULT_DEVICE_RULES, { allow: true, type: "c", major: 10, minor: 229, access: "rw" } as const] };
  const opened = execFileSync("/bin/busybox", ["sh", "-c", "[ -e /dev/fuse ] && (: < /dev/fuse) 2>/dev/null && echo yes || echo no"], {
    encoding: "utf8",
  }).trim();
  const got = (await output(`(: < /dev/fuse) 2>&1 | grep -c "not permitted"; true`, more)).text;
  say("a device that was allowed", "not refused", got === "0" ? "not refused" : `refused (the machine itself opens it: ${opened})`);
}

async function life(): Promise<void> {
  await withContainer(
    {},
    async ({ id, folder, file }) => {
      await processes.pause(id);
      say(
        "frozen by pause",
        "frozen 1",
        file("cgroup.events")
          .split("\n")
          .find((line) => line.startsWith("frozen")) ?? "",
      );
      const [before, after] = [(await processes.usage(id)).cpuTotal, (await sleep(500), (await processes.usage(id)).cpuTotal)];
      say("work done while frozen", "none", after - before < 5e6 ? "none" : "some");
      await processes.resume(id);
      say(
        "thawed by resume",
        "frozen 0",
        file("cgroup.events")
          .split("\n")
          .find((line) => line.startsWith("frozen")) ?? "",
      );
      await processes.update(id, { memory: { limit: 64 * MIB }, cpu: { quota: 50_000, period: 100_000 }, pids: { limit: 7 } });
      say("updated while it runs", `${64 * MIB} 50000 100000 7`, [file("memory.max"), file("cpu.max"), file("pids.max")].join(" "));
      const usage = await processes.usage(id);
      say(
        "stats: processor, memory, processes",
        "all",
        usage.cpuTotal > 0 && usage.memory > 0 && usage.pids > 0 && usage.memoryLimit === 64 * MIB ? "all" : JSON.stringify(usage),
      );
      const { exit, attachment } = await processes.exec(
        id,
        { user: { uid: 0, gid: 0 }, args: ["cat", "/proc/self/cgroup"], env: ["PATH=/bin"], cwd: "/" },
        { stdin: false },
      );
      let text = "";
      for await (const { data } of attachment?.output ?? []) text += Buffer.from(data).toString();
      say("a further process is in its group", "0::/ 0", `${text.trim()} ${(await exit).exitCode}`);
      say("cgroup.kill", "there", existsSync(`${folder}/cgroup.kill`) ? "there" : "missing");
    },
    "sleep 1000 & sleep 1000 & while :; do :; done",
  );
  await withContainer({}, async ({ id, folder }) => {
    await processes.pause(id);
    await processes.remove(id);
    say("removed while frozen", "gone", existsSync(folder) ? "there" : "gone");
  });
  say("groups left", "none", existsSync(`${ROOT}/strata`) ? readdirSync(`${ROOT}/strata`).join(" ") : "none");
}

/** What a service manager does with `Delegate=yes`, and then without. */
async function ordinaryUser(): Promise<void> {
  const [user, given] = [1000, `${ROOT}/user`];
  const run = (place: string): void =>
    void execFileSync(process.execPath, [fileURLToPath(new URL("user.js", import.meta.url)), place], {
      uid: user,
      gid: user,
      stdio: ["ignore", "inherit", "inherit"],
    });
  mkdirSync(`${given}/shell`, { recursive: true });
  for (const file of ["", "/cgroup.procs", "/cgroup.subtree_control", "/shell", "/shell/cgroup.procs"]) chownSync(`${given}${file}`, user, user);
  for (const name of ["memory", "pids"]) writeFileSync(`${ROOT}/cgroup.subtree_control`, `+${name}`);
  chmodSync("/tmp", 0o1777);
  writeFileSync(`${given}/shell/cgroup.procs`, String(process.pid));
  run("given");
  writeFileSync(`${ROOT}/cgroup.procs`, String(process.pid));
  run("outside");
  await Promise.resolve();
}

async function layers(): Promise<void> {
  for (const wanted of [3, 60, 200, 500]) {
    const folders = Array.from({ length: wanted - 1 }, (_, index) => `/tmp/layers-${wanted}/${index}`);
    for (const [index, folder] of folders.entries()) {
      mkdirSync(folder, { recursive: true });
      mkdirSync(`${folder}/layer-${index}`);
    }
    const found = await output("ls -d /layer-* | wc -l; touch /written && echo written", {}, [...folders, "/tmp/rootfs"]).catch((error: unknown) => ({
      text: String(error),
    }));
    say(`${wanted} layers, where the kernel has no lowerdir+`, `${wanted - 1} written`, found.text.replaceAll("\n", " "));
  }
}

async function bounded(): Promise<void> {
  await disks(say, HELPER, async (script, disk) => {
    let text = "";
    const onOutput = (_: string, data: Uint8Array): void => void (text += Buffer.from(data).toString());
    const layers = { lowers: ["/tmp/rootfs"], upper: `${disk.target}/fs`, work: `${disk.target}/work`, disk };
    const { id, spec } = request(["sh", "-c", script], {});
    await processes.runOnce({ id, spec, layers }, { onOutput });
    return text.trim();
  });
}

mkdirSync("/tmp/rootfs/bin", { recursive: true });
for (const name of ["proc", "sys", "dev", "etc", "tmp"]) mkdirSync(`/tmp/rootfs/${name}`);
cpSync("/bin/busybox", "/tmp/rootfs/bin/busybox");
for (const name of ["sh", "cat", "sleep", "tail", "dd", "head", "ls", "wc", "grep", "mkdir", "touch", "rm"]) symlinkSync("busybox", `/tmp/rootfs/bin/${name}`);
processes = await openProcesses({ runRoot: "/run/strata", helper: HELPER });
await part("The limits of containers", [hierarchy, processor, memory, others, hugePages, life, layers, bounded, ordinaryUser]);
