/** What a container used, in the words of `runc events`: containerd and others read them. */
import { readFileSync } from "node:fs";
import { RuntimeError } from "../errors.ts";
import { controllerFolder, type Groups } from "./cgroup/groups.ts";
import { Folder } from "./folder.ts";

/** Jiffies of /proc and cpuacct.stat, as every Linux of today shows them. */
const TICK_NS = 10_000_000;
const UNLIMITED = 2 ** 64 - 1;

export interface Statistics {
  readonly cpu: object;
  readonly memory: object;
  readonly pids: { readonly current: number; readonly limit?: number };
  readonly blkio: object;
  readonly hugetlb: object;
  readonly network_interfaces: readonly object[];
}

type At = (controller: string, file: string) => string;

/** @throws {RuntimeError} `CONTAINER_UNKNOWN`, `UNSUPPORTED` */
export function groupsOfContainer(runRoot: string, id: string): Groups {
  const recorded = Folder.of(runRoot, id).recorded();
  if (recorded === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot measure ${id}: container does not exist`);
  if (recorded.groups === undefined) throw new RuntimeError("UNSUPPORTED", `Cannot measure ${id}: it was made without cgroups`);
  return recorded.groups;
}

/** `pid` names the network whose devices are counted; 0 counts none. */
export function statisticsOf(groups: Groups, pid: number): Statistics {
  const at: At = (controller, file) => text(`${controllerFolder(groups, controller) ?? ""}/${file}`);
  const limit = at("pids", "pids.max").trim();
  return {
    cpu: groups.version === 1 ? cpuOfFirst(at) : cpuOfSecond(at),
    memory: groups.version === 1 ? memoryOfFirst(at) : memoryOfSecond(at),
    pids: { current: Number(at("pids", "pids.current")), ...(limit !== "" && limit !== "max" && { limit: Number(limit) }) },
    blkio: groups.version === 1 ? ioOfFirst(at) : ioOfSecond(at),
    hugetlb: {},
    network_interfaces: pid === 0 ? [] : devicesOf(pid),
  };
}

/** Kills for want of memory so far. */
export function oomKills(groups: Groups): number {
  const folder = controllerFolder(groups, "memory") ?? "";
  return field(text(`${folder}/${groups.version === 1 ? "memory.oom_control" : "memory.events"}`), "oom_kill");
}

function cpuOfFirst(at: At): object {
  const usage = at("cpuacct", "cpuacct.stat");
  const stat = at("cpu", "cpu.stat");
  return {
    usage: {
      total: Number(at("cpuacct", "cpuacct.usage")),
      percpu: numbers(at("cpuacct", "cpuacct.usage_percpu")),
      percpu_kernel: numbers(at("cpuacct", "cpuacct.usage_percpu_sys")),
      percpu_user: numbers(at("cpuacct", "cpuacct.usage_percpu_user")),
      kernel: field(usage, "system") * TICK_NS,
      user: field(usage, "user") * TICK_NS,
    },
    throttling: { periods: field(stat, "nr_periods"), throttledPeriods: field(stat, "nr_throttled"), throttledTime: field(stat, "throttled_time") },
  };
}

function cpuOfSecond(at: At): object {
  const stat = at("cpu", "cpu.stat");
  const nanoseconds = (name: string): number => field(stat, name) * 1000;
  return {
    usage: { total: nanoseconds("usage_usec"), kernel: nanoseconds("system_usec"), user: nanoseconds("user_usec") },
    throttling: { periods: field(stat, "nr_periods"), throttledPeriods: field(stat, "nr_throttled"), throttledTime: nanoseconds("throttled_usec") },
  };
}

function memoryOfFirst(at: At): object {
  const stat = at("memory", "memory.stat");
  const entry = (name: string): object => ({
    limit: Number(at("memory", `memory.${name}limit_in_bytes`)),
    usage: Number(at("memory", `memory.${name}usage_in_bytes`)),
    max: Number(at("memory", `memory.${name}max_usage_in_bytes`)),
    failcnt: Number(at("memory", `memory.${name}failcnt`)),
  });
  return { cache: field(stat, "cache"), usage: entry(""), swap: entry("memsw."), kernel: entry("kmem."), kernelTCP: entry("kmem.tcp."), raw: pairs(stat) };
}

function memoryOfSecond(at: At): object {
  const stat = at("memory", "memory.stat");
  const entry = (name: string): object => ({
    limit: limited(at("memory", `memory.${name}max`)),
    usage: Number(at("memory", `memory.${name}current`)),
    max: Number(at("memory", `memory.${name}peak`)),
    failcnt: field(at("memory", `memory.${name}events`), "max"),
  });
  return { cache: field(stat, "file"), usage: entry(""), swap: entry("swap."), raw: pairs(stat) };
}

function ioOfFirst(at: At): object {
  const entries = (file: string): readonly object[] =>
    Array.from(at("blkio", file).matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm), ([, major, minor, op, value]) => ({
      major: Number(major),
      minor: Number(minor),
      op,
      value: Number(value),
    }));
  return {
    ioServiceBytesRecursive: entries("blkio.throttle.io_service_bytes_recursive"),
    ioServicedRecursive: entries("blkio.throttle.io_serviced_recursive"),
  };
}

function ioOfSecond(at: At): object {
  const lines = Array.from(at("io", "io.stat").matchAll(/^(\d+):(\d+) (.*)$/gm));
  const entries = (ops: Readonly<Record<string, string>>): readonly object[] =>
    lines.flatMap(([, major, minor, counts = ""]) =>
      Object.entries(ops).map(([name, op]) => ({
        major: Number(major),
        minor: Number(minor),
        op,
        value: Number(new RegExp(`(?:^| )${name}=(\\d+)`).exec(counts)?.[1] ?? 0),
      })),
    );
  return {
    ioServiceBytesRecursive: entries({ rbytes: "Read", wbytes: "Write" }),
    ioServicedRecursive: entries({ rios: "Read", wios: "Write" }),
  };
}

const COUNTERS = ["rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "tx_bytes", "tx_packets", "tx_errors", "tx_dropped"];
/** Columns of /proc/PID/net/dev in COUNTERS' order. */
const COLUMNS = [0, 1, 2, 3, 8, 9, 10, 11];

function devicesOf(pid: number): readonly object[] {
  return Array.from(text(`/proc/${pid}/net/dev`).matchAll(/^ *([^\s:]+):(.*)$/gm), ([, name = "", counts = ""]) => {
    const values = numbers(counts);
    return { name, ...Object.fromEntries(COUNTERS.map((counter, index) => [counter, values[COLUMNS[index] ?? 0] ?? 0])) };
  });
}

function limited(value: string): number {
  return value.trim() === "max" ? UNLIMITED : Number(value);
}

function pairs(stat: string): Readonly<Record<string, number>> {
  return Object.fromEntries(Array.from(stat.matchAll(/^(\S+) (\d+)$/gm), ([, name = "", value]) => [name, Number(value)]));
}

function numbers(list: string): readonly number[] {
  return list.split(/\s+/).flatMap((word) => (word === "" ? [] : [Number(word)]));
}

function field(lines: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(lines)?.[1] ?? 0);
}

/** A controller that is not there counts nothing. */
function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
