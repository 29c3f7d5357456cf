/** Limits as files, hierarchies as folders: pure, so both versions are held here whatever this machine has. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { removeStaleGroups } from "../support/cgroups.ts";
import { temporaryFolder } from "../support/root.ts";
import { completeDeviceRules } from "../../runtime/process/cgroup/devices.ts";
import { planGroups } from "../../runtime/process/cgroup/groups.ts";
import { cgroupLayout } from "../../runtime/process/cgroup/layout.ts";
import { cpuWeight, ioWeight, planCgroup } from "../../runtime/process/cgroup/plan.ts";
import { orderUpdate } from "../../runtime/process/cgroup/update.ts";
import { meterOf } from "../../runtime/process/control.ts";
import { DEFAULT_DEVICE_RULES } from "../../runtime/defaults.ts";
import type { Resources } from "../../runtime/spec.ts";

const MIB = 1 << 20;
const written = (resources: Resources, version: 1 | 2): readonly string[] =>
  planCgroup(resources, version).map(({ file, value, instead }) => `${file}=${value}${instead === undefined ? "" : ` or ${instead.file}=${instead.value}`}`);

const cases: readonly { readonly name: string; readonly resources: Resources; readonly first: readonly string[]; readonly second: readonly string[] }[] = [
  { name: "nothing asked, nothing written", resources: {}, first: [], second: [] },
  {
    name: "a quota of 20 %",
    resources: { cpu: { quota: 20_000, period: 100_000 } },
    first: ["cpu.cfs_period_us=100000", "cpu.cfs_quota_us=20000"],
    second: ["cpu.max=20000 100000"],
  },
  {
    name: "no quota",
    resources: { cpu: { quota: -1, period: 50_000 } },
    first: ["cpu.cfs_period_us=50000", "cpu.cfs_quota_us=-1"],
    second: ["cpu.max=max 50000"],
  },
  { name: "a quota with the default period", resources: { cpu: { quota: 5000 } }, first: ["cpu.cfs_quota_us=5000"], second: ["cpu.max=5000 100000"] },
  { name: "shares", resources: { cpu: { shares: 1024 } }, first: ["cpu.shares=1024"], second: ["cpu.weight=100"] },
  { name: "shares of 0 are unset", resources: { cpu: { shares: 0 } }, first: [], second: [] },
  { name: "memory of 0 is unset", resources: { memory: { limit: 0, swap: 0, reservation: 0 } }, first: [], second: [] },
  { name: "a quota and a period of 0 are unset", resources: { cpu: { quota: 0, period: 0 } }, first: [], second: [] },
  {
    name: "processors",
    resources: { cpu: { cpus: "0-1", mems: "0" } },
    first: ["cpuset.cpus=0-1", "cpuset.mems=0"],
    second: ["cpuset.cpus=0-1", "cpuset.mems=0"],
  },
  { name: "memory", resources: { memory: { limit: 64 * MIB } }, first: ["memory.limit_in_bytes=67108864"], second: ["memory.max=67108864"] },
  {
    name: "memory and swap, whose total v1 and whose rest v2 takes",
    resources: { memory: { limit: 64 * MIB, swap: 96 * MIB } },
    first: ["memory.limit_in_bytes=67108864", "memory.memsw.limit_in_bytes=100663296"],
    second: ["memory.max=67108864", "memory.swap.max=33554432"],
  },
  {
    name: "no swap limit",
    resources: { memory: { limit: MIB, swap: -1 } },
    first: ["memory.limit_in_bytes=1048576", "memory.memsw.limit_in_bytes=-1"],
    second: ["memory.max=1048576", "memory.swap.max=max"],
  },
  { name: "a reservation", resources: { memory: { reservation: MIB } }, first: ["memory.soft_limit_in_bytes=1048576"], second: ["memory.low=1048576"] },
  {
    name: "swappiness and the killer, which v2 lacks",
    resources: { memory: { swappiness: 10, disableOOMKiller: true } },
    first: ["memory.swappiness=10", "memory.oom_control=1"],
    second: [],
  },
  { name: "processes", resources: { pids: { limit: 100 } }, first: ["pids.max=100"], second: ["pids.max=100"] },
  { name: "no process more", resources: { pids: { limit: 0 } }, first: ["pids.max=0"], second: ["pids.max=0"] },
  { name: "any number of processes", resources: { pids: { limit: -1 } }, first: ["pids.max=max"], second: ["pids.max=max"] },
  {
    name: "block weight",
    resources: { blockIO: { weight: 500 } },
    first: ["blkio.bfq.weight=500 or blkio.weight=500"],
    second: ["io.bfq.weight=500 or io.weight=4950"],
  },
  {
    name: "block weight of a device",
    resources: { blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 200 }] } },
    first: ["blkio.bfq.weight_device=8:0 200"],
    second: ["io.bfq.weight=8:0 200"],
  },
  {
    name: "throttles",
    resources: { blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }], throttleWriteIOPSDevice: [{ major: 8, minor: 1, rate: 20 }] } },
    first: ["blkio.throttle.read_bps_device=8:0 1000", "blkio.throttle.write_iops_device=8:1 20"],
    second: ["io.max=8:0 rbps=1000", "io.max=8:1 wiops=20"],
  },
  {
    name: "device rules",
    resources: {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 1, minor: 3, access: "rw" },
        { allow: true, type: "b", access: "m" },
      ],
    },
    first: ["devices.deny=a", "devices.allow=c 1:3 rw", "devices.allow=b *:* m"],
    second: [],
  },
  { name: "idle time only", resources: { cpu: { idle: 1 } }, first: ["cpu.idle=1"], second: ["cpu.idle=1"] },
  {
    name: "real time, which v2 lacks, the period first",
    resources: { cpu: { realtimeRuntime: 5, realtimePeriod: 9 } },
    first: ["cpu.rt_period_us=9", "cpu.rt_runtime_us=5"],
    second: [],
  },
  {
    name: "huge pages, in use and reserved",
    resources: { hugepageLimits: [{ pageSize: "2MB", limit: 7 }] },
    first: ["hugetlb.2MB.limit_in_bytes=7", "hugetlb.2MB.rsvd.limit_in_bytes=7"],
    second: ["hugetlb.2MB.max=7", "hugetlb.2MB.rsvd.max=7"],
  },
  {
    name: "classes and priorities of the network, which v2 lacks",
    resources: { network: { classID: 0x10001, priorities: [{ name: "lo", priority: 5 }] } },
    first: ["net_cls.classid=65537", "net_prio.ifpriomap=lo 5"],
    second: [],
  },
  {
    name: "remote memory",
    resources: { rdma: { mlx5: { hcaHandles: 2 } } },
    first: ["rdma.max=mlx5 hca_handle=2 hca_object=max"],
    second: ["rdma.max=mlx5 hca_handle=2 hca_object=max"],
  },
  { name: "raw files of v2", resources: { unified: { "memory.high": "5" } }, first: [], second: ["memory.high=5"] },
];

describe("resources as files", () => {
  test.each(cases)("v1: $name", ({ resources, first }) => expect(written(resources, 1)).toEqual(first));
  test.each(cases)("v2: $name", ({ resources, second }) => expect(written(resources, 2)).toEqual(second));
  test.each([
    [0, 1],
    [2, 1],
    [1024, 100],
    [512, 59],
    [262_144, 10_000],
    [999_999, 10_000],
  ])("%d shares weigh %d", (shares, weight) => expect(cpuWeight(shares)).toBe(weight));
  test.each([
    [10, 1],
    [1000, 10_000],
  ])("a block weight of %d is %d", (weight, io) => expect(ioWeight(weight)).toBe(io));
});

describe("changing v1 memory while it is used", () => {
  const files = planCgroup({ memory: { limit: 64 * MIB, swap: 64 * MIB } }, 1);
  const order = (total: number): readonly string[] => orderUpdate(files, () => total).map(({ file }) => file);
  test("growing: the total first", () => expect(order(32 * MIB)).toEqual(["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]));
  test("shrinking: the total last", () => expect(order(128 * MIB)).toEqual(["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]));
});

describe("where groups are", () => {
  const line = (root: string, target: string, type: string, options: string): string =>
    `31 30 0:29 ${root} ${target} rw,relatime shared:9 - ${type} cgroup ${options}`;
  const hybrid = [
    line("/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
    line("/", "/sys/fs/cgroup/memory", "cgroup", "rw,memory"),
    line("/", "/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,name=systemd"),
    line("/", "/sys/fs/cgroup/unified", "cgroup2", "rw"),
  ].join("\n");
  const own = "4:memory:/outer/one\n3:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n";

  test("v1 wins over a v2 beside it, each hierarchy from our own group on", () => {
    expect(cgroupLayout(hybrid, own)).toEqual({
      version: 1,
      hierarchies: [
        { controllers: ["cpu", "cpuacct"], base: "/sys/fs/cgroup/cpu,cpuacct", mount: "/sys/fs/cgroup/cpu,cpuacct" },
        { controllers: ["memory"], base: "/sys/fs/cgroup/memory/outer/one", mount: "/sys/fs/cgroup/memory" },
      ],
    });
  });
  test("a mount that shows only our part of a hierarchy", () => {
    expect(cgroupLayout(line("/outer", "/sys/fs/cgroup/memory", "cgroup", "rw,memory"), own).hierarchies[0]?.base).toBe("/sys/fs/cgroup/memory/one");
  });
  test("v2 alone", () => {
    expect(cgroupLayout(line("/", "/sys/fs/cgroup", "cgroup2", "rw,nsdelegate"), "0::/user.slice\n")).toEqual({
      version: 2,
      hierarchies: [{ controllers: [], base: "/sys/fs/cgroup", mount: "/sys/fs/cgroup", own: "/sys/fs/cgroup/user.slice" }],
    });
  });

  const layout = cgroupLayout(hybrid, own);
  test("a container joins what its limits need and what is always read", () => {
    expect(planGroups(layout, "strata", "/box", {})).toMatchObject({
      path: "strata/box",
      members: [{ base: "/sys/fs/cgroup/cpu,cpuacct" }, { base: "/sys/fs/cgroup/memory/outer/one" }],
    });
  });
  test("a container of another's runtime joins every hierarchy: its caller measures there", () => {
    const disk = { controllers: ["blkio"], base: "/sys/fs/cgroup/blkio", mount: "/sys/fs/cgroup/blkio" };
    const more = { ...layout, hierarchies: [...layout.hierarchies, disk] };
    const joined = (everywhere: boolean): readonly string[] => planGroups(more, "", "/box", {}, everywhere).members.flatMap(({ controllers }) => controllers);
    expect(joined(true)).toEqual(["cpu", "cpuacct", "memory", "blkio"]);
    expect(joined(false)).toEqual(["cpu", "cpuacct", "memory"]);
  });
  test("groups that a killed test left are swept, a fresh one stays", () => {
    const [own = ""] = cgroupLayout(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync("/proc/self/cgroup", "utf8")).hierarchies.flatMap(
      ({ base }) => base,
    );
    const group = join(own, `strata-test-left-${process.pid}`);
    mkdirSync(join(group, "inner"), { recursive: true });
    removeStaleGroups(`strata-test-left-${process.pid}`);
    expect(existsSync(group)).toBe(true);
    removeStaleGroups(`strata-test-left-${process.pid}`, Date.now() + 7_200_000);
    expect(existsSync(group)).toBe(false);
  });
  test("an absolute path of another's runtime starts at the mount", () => {
    expect(planGroups(layout, "", "/box", {}).members.map(({ base }) => base)).toEqual(["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory"]);
  });
  test.each(["../a", "/a/../../b", ".."])("%s is refused", (path) =>
    expect(() => planGroups(layout, "strata", path, {})).toThrow(expect.objectContaining({ code: "SPEC_INVALID" })),
  );
});

describe("device rules that hold", () => {
  const deny = { allow: false, access: "rwm" };
  test("none asked: the harmless only", () => expect(completeDeviceRules(undefined)).toEqual(DEFAULT_DEVICE_RULES));
  test("all denied: all but the harmless", () => expect(completeDeviceRules([deny]).slice(1)).toEqual(DEFAULT_DEVICE_RULES.slice(1)));
  test("all allowed stays so", () => expect(completeDeviceRules([{ allow: true, access: "rwm" }])).toHaveLength(1));
  test("a rule of its own stays", () =>
    expect(completeDeviceRules([deny, { allow: true, type: "c", major: 10, minor: 200, access: "rwm" }])).toContainEqual({
      allow: true,
      type: "c",
      major: 10,
      minor: 200,
      access: "rwm",
    }));
});

const meters = [
  {
    version: 1,
    files: { "cpuacct.usage": "1500000000\n", "memory.usage_in_bytes": "5000000\n", "memory.stat": "inactive_file 1\ntotal_inactive_file 1000000\n" },
  },
  {
    version: 2,
    files: { "cpu.stat": "usage_usec 1500000\nuser_usec 1\n", "memory.current": "5000000\n", "memory.stat": "active_file 7\ninactive_file 1000000\n" },
  },
] as const;
test.each(meters)("a meter reads cpu time, and memory without file cache that can go, in version $version", ({ version, files }) => {
  const folder = temporaryFolder();
  try {
    mkdirSync(join(folder, "group"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "group", name), text);
    const groups = { version, path: "group", members: [{ controllers: ["cpuacct", "memory", "cpu"], base: folder }] };
    expect(meterOf(groups)).toEqual({ cpuTotal: 1_500_000_000, memory: 4_000_000 });
    expect(meterOf({ ...groups, path: "gone" }), "of one that has ended").toEqual({ cpuTotal: 0, memory: 0 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
