/** Pure: what /proc and /sys would say if the machine were as large as the container's limits. docs/decisions/truthful-proc.md tells what they cannot. */

export interface Machine {
  readonly meminfo: string;
  readonly cpuinfo: string;
  readonly stat: string;
}

export interface View {
  /** Bytes; undefined is what the machine has. */
  readonly memory?: number;
  /** Bytes of swap alone; undefined is what the machine has. */
  readonly swap?: number;
  /** How many cpus; undefined is what the machine has. */
  readonly cpus?: number;
}

/** Files of the container by path; one that would say the same as the machine's is not among them. */
export function procTexts(machine: Machine, view: View): Readonly<Record<string, string>> {
  const { memory, cpus } = view;
  return {
    ...(memory !== undefined && { "/proc/meminfo": meminfoText(machine.meminfo, memory, view.swap) }),
    ...(cpus !== undefined && {
      "/proc/cpuinfo": cpuinfoText(machine.cpuinfo, cpus),
      "/proc/stat": statText(machine.stat, cpus),
      "/sys/devices/system/cpu/online": onlineText(cpus),
    }),
  };
}

/** Keys that tell of the machine's make, not of its use. */
const MAKE = /^(?:Vmalloc|Percpu|HardwareCorrupted|HugePages_|Hugepagesize|Hugetlb|DirectMap|CommitLimit)/;

/** Everything is free: use changes and these lines do not. */
function meminfoText(text: string, memory: number, swap: number | undefined): string {
  const total = Math.floor(memory / 1024);
  const machineSwap = Number(/^SwapTotal:\s+(\d+)/m.exec(text)?.[1] ?? 0);
  const swapTotal = swap === undefined ? machineSwap : Math.min(machineSwap, Math.floor(swap / 1024));
  const values: Readonly<Record<string, number>> = { MemTotal: total, MemFree: total, MemAvailable: total, SwapTotal: swapTotal, SwapFree: swapTotal };
  return text.replaceAll(/^([^:\n]+):( +)(\d+)/gm, (line, key: string, gap: string, old: string) => {
    if (MAKE.test(key)) return line;
    return `${key}:${String(values[key] ?? 0).padStart(gap.length + old.length)}`;
  });
}

/** The machine's first ones: numbered from 0 without gaps, as programs expect. */
function cpuinfoText(text: string, cpus: number): string {
  const blocks = text.split(/\n\n+/).filter((block) => block.startsWith("processor"));
  return blocks
    .slice(0, cpus)
    .map((block) => `${block.replace(/^(siblings|cpu cores)(\s*): .*$/gm, `$1$2: ${cpus}`).trimEnd()}\n\n`)
    .join("");
}

/** The first line is the sum of those that follow. */
function statText(text: string, cpus: number): string {
  const lines = text.split("\n");
  const shown = lines.filter((line) => /^cpu\d/.test(line)).slice(0, cpus);
  const columns = shown.map((line) => line.split(" ").slice(1).map(Number));
  const sum = (columns[0] ?? []).map((_, at) => columns.reduce((total, column) => total + (column[at] ?? 0), 0));
  return [`cpu  ${sum.join(" ")}`, ...shown, ...lines.filter((line) => !line.startsWith("cpu"))].join("\n");
}

function onlineText(cpus: number): string {
  return cpus === 1 ? "0\n" : `0-${cpus - 1}\n`;
}

/** The least of what the machine has, the cpuset holds and the quota buys, rounded up: undefined when that is the machine. */
export function visibleCpus(machine: number, limits: { readonly cpuset?: string; readonly quota?: number; readonly period?: number }): number | undefined {
  const set = limits.cpuset === undefined || limits.cpuset === "" ? machine : countOf(limits.cpuset);
  const bought = limits.quota === undefined || limits.quota <= 0 ? machine : Math.ceil(limits.quota / (limits.period ?? 100_000));
  const least = Math.max(1, Math.min(machine, set, bought));
  return least < machine ? least : undefined;
}

/** `0-2,7` is four. */
function countOf(list: string): number {
  return list.split(",").reduce((count, range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return count + last - first + 1;
  }, 0);
}
