/** Pure: OCI resources as the files that hold them in cgroup v1 and v2. Spec: runtime-spec 1.2, config-linux.md, "Control groups". */
import type { Resources, ThrottleDevice, WeightDevice } from "../../spec.ts";

export interface CgroupFile {
  /** Whose hierarchy it is in (v1); which controller must be enabled (v2). */
  readonly controller: string;
  readonly file: string;
  readonly value: string;
  /** A failure is no refusal: the kernel may lack the knob. */
  readonly optional?: boolean;
  /** Written in its stead where the kernel lacks it. */
  readonly instead?: { readonly file: string; readonly value: string };
  /** The groups above must be given it first. */
  readonly inherited?: boolean;
}

/** In the order in which they must be written to a new group. */
export function planCgroup(resources: Resources, version: 1 | 2): readonly CgroupFile[] {
  const { memory, ...others } = resources;
  const asked = memory === undefined ? others : { ...others, memory: withoutZeros(memory) };
  return version === 1 ? planFirst(asked) : planSecond(asked);
}

function planFirst(resources: Resources): readonly CgroupFile[] {
  const { cpu, memory, pids, blockIO, network } = resources;
  return [
    ...(resources.devices ?? []).map((rule) => set("devices", rule.allow ? "devices.allow" : "devices.deny", deviceRule(rule))),
    ...given("cpu", "cpu.shares", cpu?.shares === 0 ? undefined : cpu?.shares),
    ...given("cpu", "cpu.cfs_period_us", unlessZero(cpu?.period)),
    ...given("cpu", "cpu.cfs_quota_us", unlessZero(cpu?.quota)),
    ...given("cpu", "cpu.cfs_burst_us", cpu?.burst),
    ...given("cpu", "cpu.idle", cpu?.idle),
    ...given("cpu", "cpu.rt_period_us", cpu?.realtimePeriod).map((file) => ({ ...file, inherited: true })),
    ...given("cpu", "cpu.rt_runtime_us", cpu?.realtimeRuntime).map((file) => ({ ...file, inherited: true })),
    ...given("cpuset", "cpuset.cpus", cpu?.cpus),
    ...given("cpuset", "cpuset.mems", cpu?.mems),
    ...given("memory", "memory.limit_in_bytes", memory?.limit),
    // Without swap accounting the file is missing, and memory plus swap cannot be held.
    ...given("memory", "memory.memsw.limit_in_bytes", memory?.swap, memory?.swap === memory?.limit || memory?.swap === -1),
    ...given("memory", "memory.soft_limit_in_bytes", memory?.reservation),
    ...given("memory", "memory.kmem.tcp.limit_in_bytes", memory?.kernelTCP === 0 ? undefined : memory?.kernelTCP),
    ...given("memory", "memory.swappiness", memory?.swappiness),
    ...given("memory", "memory.oom_control", memory?.disableOOMKiller === true ? 1 : undefined),
    ...given("pids", "pids.max", pids === undefined ? undefined : unlimited(pids.limit)),
    ...(blockIO?.weight === undefined || blockIO.weight === 0
      ? []
      : [{ ...set("blkio", "blkio.bfq.weight", blockIO.weight), instead: { file: "blkio.weight", value: String(blockIO.weight) } }]),
    ...weights("blkio", "blkio.bfq.weight_device", blockIO?.weightDevice),
    ...throttle("blkio.throttle.read_bps_device", blockIO?.throttleReadBpsDevice),
    ...throttle("blkio.throttle.write_bps_device", blockIO?.throttleWriteBpsDevice),
    ...throttle("blkio.throttle.read_iops_device", blockIO?.throttleReadIOPSDevice),
    ...throttle("blkio.throttle.write_iops_device", blockIO?.throttleWriteIOPSDevice),
    ...hugepages(resources, "limit_in_bytes"),
    ...given("net_cls", "net_cls.classid", network?.classID),
    ...(network?.priorities ?? []).map((one) => set("net_prio", "net_prio.ifpriomap", `${one.name} ${one.priority}`)),
    ...rdma(resources),
  ];
}

function planSecond(resources: Resources): readonly CgroupFile[] {
  const { cpu, memory, pids, blockIO } = resources;
  const swap = memory?.swap === undefined || memory.limit === undefined ? undefined : memory.swap === -1 ? "max" : memory.swap - Math.max(memory.limit, 0);
  return [
    ...given("cpu", "cpu.weight", cpu?.shares === undefined || cpu.shares === 0 ? undefined : cpuWeight(cpu.shares)),
    ...given("cpu", "cpu.max", cpuMax(cpu)),
    ...given("cpu", "cpu.max.burst", cpu?.burst),
    ...given("cpu", "cpu.idle", cpu?.idle),
    ...given("cpuset", "cpuset.cpus", cpu?.cpus),
    ...given("cpuset", "cpuset.mems", cpu?.mems),
    ...given("memory", "memory.max", memory?.limit === undefined ? undefined : unlimited(memory.limit)),
    ...given("memory", "memory.swap.max", swap, swap === "max" || swap === 0),
    ...given("memory", "memory.low", memory?.reservation === undefined ? undefined : unlimited(memory.reservation)),
    ...given("pids", "pids.max", pids === undefined ? undefined : unlimited(pids.limit)),
    ...(blockIO?.weight === undefined || blockIO.weight === 0
      ? []
      : [{ ...set("io", "io.bfq.weight", blockIO.weight), instead: { file: "io.weight", value: String(ioWeight(blockIO.weight)) } }]),
    ...weights("io", "io.bfq.weight", blockIO?.weightDevice),
    ...limitIO("rbps", blockIO?.throttleReadBpsDevice),
    ...limitIO("wbps", blockIO?.throttleWriteBpsDevice),
    ...limitIO("riops", blockIO?.throttleReadIOPSDevice),
    ...limitIO("wiops", blockIO?.throttleWriteIOPSDevice),
    ...hugepages(resources, "max"),
    ...rdma(resources),
    ...Object.entries(resources.unified ?? {}).map(([file, value]) => set(file.split(".")[0] ?? "", file, value)),
  ];
}

/** 2 to 262144 onto 1 to 10000 with 1024 on 100, as the newer runtimes agree. */
export function cpuWeight(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const l = Math.log2(shares);
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}

/** 10 to 1000 onto 1 to 10000. */
export function ioWeight(weight: number): number {
  return Math.floor(1 + ((weight - 10) * 9999) / 990);
}

const DEFAULT_PERIOD_US = 100_000;

/** A group of no memory could hold no process. */
function withoutZeros({ limit, reservation, swap, ...others }: NonNullable<Resources["memory"]>): NonNullable<Resources["memory"]> {
  return { ...others, ...(limit && { limit }), ...(reservation && { reservation }), ...(swap && { swap }) };
}

/** containerd says 0 for what an update leaves as it is. */
function unlessZero(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}

function cpuMax(cpu: Resources["cpu"]): string | undefined {
  const period = unlessZero(cpu?.period);
  if (cpu === undefined || (unlessZero(cpu.quota) === undefined && period === undefined)) return undefined;
  const quota = cpu.quota === undefined || cpu.quota <= 0 ? "max" : String(cpu.quota);
  return `${quota} ${period ?? DEFAULT_PERIOD_US}`;
}

function deviceRule(rule: NonNullable<Resources["devices"]>[number]): string {
  if ((rule.type ?? "a") === "a") return "a";
  const number = (value: number | undefined): string => (value === undefined || value < 0 ? "*" : String(value));
  return `${rule.type} ${number(rule.major)}:${number(rule.minor)} ${rule.access ?? "rwm"}`;
}

function unlimited(value: number): string {
  return value < 0 ? "max" : String(value);
}

function throttle(file: string, devices: readonly ThrottleDevice[] = []): readonly CgroupFile[] {
  return devices.map((device) => set("blkio", file, `${device.major}:${device.minor} ${device.rate}`));
}

/** Only the bfq scheduler divides by weight: without it the file is missing, and the weight is refused. */
function weights(controller: string, file: string, devices: readonly WeightDevice[] = []): readonly CgroupFile[] {
  return devices.map((device) => set(controller, file, `${device.major}:${device.minor} ${device.weight}`));
}

/** Pages in use, and pages that are only reserved, which older kernels do not count. */
function hugepages({ hugepageLimits = [] }: Resources, suffix: string): readonly CgroupFile[] {
  return hugepageLimits.flatMap(({ pageSize, limit }) => [
    set("hugetlb", `hugetlb.${pageSize}.${suffix}`, limit),
    set("hugetlb", `hugetlb.${pageSize}.rsvd.${suffix}`, limit, true),
  ]);
}

function rdma({ rdma: devices = {} }: Resources): readonly CgroupFile[] {
  return Object.entries(devices).map(([name, { hcaHandles = "max", hcaObjects = "max" }]) =>
    set("rdma", "rdma.max", `${name} hca_handle=${hcaHandles} hca_object=${hcaObjects}`),
  );
}

function limitIO(word: string, devices: readonly ThrottleDevice[] = []): readonly CgroupFile[] {
  return devices.map((device) => set("io", "io.max", `${device.major}:${device.minor} ${word}=${device.rate}`));
}

function given(controller: string, file: string, value: string | number | undefined, optional?: boolean): readonly CgroupFile[] {
  return value === undefined || value === "" ? [] : [set(controller, file, value, optional)];
}

function set(controller: string, file: string, value: string | number, optional?: boolean): CgroupFile {
  return { controller, file, value: String(value), ...(optional === true && { optional }) };
}
