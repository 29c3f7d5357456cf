/** What config.json says of resources. */
import type { Overrides } from "./lab.ts";
import type { Row } from "./oci-property.ts";

const limits = (resources: NonNullable<Overrides["linux"]>["resources"]): Overrides => ({
  linux: { resources: { devices: [{ allow: true, access: "rwm" }], ...resources } },
});
const cgroup = (file: string): string => `cat /sys/fs/cgroup/${file}`;

export const RESOURCE_ROWS: readonly Row[] = [
  { property: "linux.resources.devices", here: "honoured", file: "process-limits.test.ts", title: "only harmless devices can be opened" },
  {
    property: "linux.resources.memory.limit",
    here: "honoured",
    effect: { script: cgroup("memory/memory.limit_in_bytes"), stdout: "67108864\n", overrides: limits({ memory: { limit: 64 << 20 } }) },
  },
  {
    property: "linux.resources.memory.swap",
    here: "honoured",
    effect: { script: cgroup("memory/memory.memsw.limit_in_bytes"), stdout: "100663296\n", overrides: limits({ memory: { limit: 64 << 20, swap: 96 << 20 } }) },
  },
  {
    property: "linux.resources.memory.reservation",
    here: "honoured",
    effect: { script: cgroup("memory/memory.soft_limit_in_bytes"), stdout: "33554432\n", overrides: limits({ memory: { reservation: 32 << 20 } }) },
  },
  { property: "linux.resources.memory.kernel", here: "refused", value: 1 << 24, says: /linux\.resources\.memory\.kernel: kernels hold no such limit/ },
  {
    property: "linux.resources.memory.kernelTCP",
    here: "honoured",
    effect: { script: cgroup("memory/memory.kmem.tcp.limit_in_bytes"), stdout: "16777216\n", overrides: limits({ memory: { kernelTCP: 16 << 20 } }) },
  },
  {
    property: "linux.resources.memory.swappiness",
    here: "honoured",
    effect: { script: cgroup("memory/memory.swappiness"), stdout: "30\n", overrides: limits({ memory: { swappiness: 30 } }) },
  },
  {
    property: "linux.resources.memory.disableOOMKiller",
    here: "honoured",
    effect: {
      script: `${cgroup("memory/memory.oom_control")} | head -1`,
      stdout: "oom_kill_disable 1\n",
      overrides: limits({ memory: { disableOOMKiller: true } }),
    },
  },
  {
    property: "linux.resources.memory.useHierarchy",
    here: "honoured",
    effect: { script: cgroup("memory/memory.use_hierarchy"), stdout: "1\n", overrides: limits({ memory: { useHierarchy: true } }) },
  },
  { property: "linux.resources.memory.checkBeforeUpdate", here: "honoured", file: "oci-properties.test.ts", title: "checkBeforeUpdate" },
  {
    property: "linux.resources.cpu.shares",
    here: "honoured",
    effect: { script: cgroup("cpu/cpu.shares"), stdout: "512\n", overrides: limits({ cpu: { shares: 512 } }) },
  },
  {
    property: "linux.resources.cpu.quota",
    here: "honoured",
    effect: { script: cgroup("cpu/cpu.cfs_quota_us"), stdout: "30000\n", overrides: limits({ cpu: { quota: 30000 } }) },
  },
  {
    property: "linux.resources.cpu.period",
    here: "honoured",
    effect: { script: cgroup("cpu/cpu.cfs_period_us"), stdout: "50000\n", overrides: limits({ cpu: { period: 50000 } }) },
  },
  {
    property: "linux.resources.cpu.burst",
    here: "honoured",
    effect: { script: cgroup("cpu/cpu.cfs_burst_us"), stdout: "10000\n", overrides: limits({ cpu: { quota: 30000, burst: 10000 } }) },
  },
  {
    property: "linux.resources.cpu.idle",
    here: "honoured",
    effect: { script: cgroup("cpu/cpu.idle"), stdout: "1\n", overrides: limits({ cpu: { idle: 1 } }) },
  },
  { property: "linux.resources.cpu.realtimePeriod", here: "honoured", file: "oci-properties.test.ts", title: "real time" },
  { property: "linux.resources.cpu.realtimeRuntime", here: "honoured", file: "oci-properties.test.ts", title: "real time" },
  {
    property: "linux.resources.cpu.cpus",
    here: "honoured",
    effect: { script: "grep Cpus_allowed_list /proc/self/status", stdout: "Cpus_allowed_list:\t0\n", overrides: limits({ cpu: { cpus: "0" } }) },
  },
  {
    property: "linux.resources.cpu.mems",
    here: "honoured",
    effect: { script: cgroup("cpuset/cpuset.mems"), stdout: "0\n", overrides: limits({ cpu: { mems: "0" } }) },
  },
  {
    property: "linux.resources.pids.limit",
    here: "honoured",
    effect: { script: cgroup("pids/pids.max"), stdout: "20\n", overrides: limits({ pids: { limit: 20 } }) },
  },
  {
    property: "linux.resources.blockIO.weight",
    here: "honoured",
    effect: { script: cgroup("blkio/blkio.bfq.weight"), stdout: "300\n", overrides: limits({ blockIO: { weight: 300 } }) },
  },
  { property: "linux.resources.blockIO.leafWeight", here: "refused", value: 300, says: /blockIO\.leafWeight: kernels have no such weight/ },
  { property: "linux.resources.blockIO.weightDevice", here: "honoured", file: "cgroup.test.ts", title: "block weight of a device" },
  {
    property: "linux.resources.blockIO.weightDevice.leafWeight",
    here: "refused",
    value: 1,
    says: /blockIO\.weightDevice\.leafWeight: kernels have no such weight/,
  },
  ...(["ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS"] as const).map((what): Row => ({
    property: `linux.resources.blockIO.throttle${what}Device`,
    here: "honoured",
    file: "oci-properties.test.ts",
    title: "throttles of disks",
  })),
  { property: "linux.resources.hugepageLimits", here: "honoured", file: "cgroup.test.ts", title: "huge pages, in use and reserved" },
  { property: "linux.resources.network.classID", here: "honoured", file: "cgroup.test.ts", title: "classes and priorities of the network" },
  { property: "linux.resources.network.priorities", here: "honoured", file: "cgroup.test.ts", title: "classes and priorities of the network" },
  { property: "linux.resources.rdma", here: "refused", value: { mlx5: { hcaHandles: 1 } }, says: /rdma\.max: this machine has no rdma cgroups/ },
  {
    property: "linux.resources.unified",
    here: "refused",
    value: { "memory.high": "1" },
    says: /linux\.resources\.unified: this machine has cgroups of version 1/,
  },
];
