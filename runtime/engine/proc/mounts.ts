/** Lets /proc show a container's limits: by lxcfs where it is mounted, else by files written from the limits at start and at `update`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import type { ContainerRecord } from "../../engine.ts";
import type { Limits } from "../../limits.ts";
import type { MountSpec, Resources } from "../../spec.ts";
import { resources } from "../limits.ts";
import { containerFolder } from "../parts.ts";
import { type Machine, procTexts, type View, visibleCpus } from "./texts.ts";

/** What lxcfs has and containers are shown; an older one lacks some. */
const LXCFS_FILES = ["cpuinfo", "diskstats", "loadavg", "meminfo", "stat", "swaps", "uptime"].map((name) => `/proc/${name}`);
const ONLINE = "/sys/devices/system/cpu/online";
const FALLBACK_FILES = ["/proc/meminfo", "/proc/cpuinfo", "/proc/stat", ONLINE];
const READ_ONLY = ["bind", "ro", "nosuid", "nodev", "noexec", "rprivate"];

/** None when it was switched off, or when the container sees the host's processes and so the host's /proc. */
export function procMounts(parts: { readonly root: string }, record: ContainerRecord): readonly MountSpec[] {
  const { options } = record;
  if (options.hostProc === true || options.pidMode === "host") return [];
  const lxcfs = lxcfsFolder();
  if (lxcfs !== undefined) return [...LXCFS_FILES, ONLINE].map((path) => bind(path, `${lxcfs}${path}`)).filter(({ source }) => existsSync(source ?? ""));
  return Object.keys(writeProcFiles(parts, record.id, options.limits ?? {})).map((path) => bind(path, fileOf(parts, record.id, path)));
}

/** lxcfs looks for the cpus in the container's cpuset group, so there must be one. */
export function procResources(wanted: Resources, mounts: readonly MountSpec[]): Resources {
  const isLxcfs = mounts.some((mount) => mount.destination === "/proc/uptime");
  if (!isLxcfs || wanted.cpu?.quota === undefined || wanted.cpu.cpus !== undefined) return wanted;
  return { ...wanted, cpu: { ...wanted.cpu, cpus: readFileSync(ONLINE, "latin1").trim() } };
}

/** Read when a limit asks for it, which few containers have. */
const MACHINE: Machine = {
  get meminfo() {
    return read("/proc/meminfo");
  },
  get cpuinfo() {
    return read("/proc/cpuinfo");
  },
  get stat() {
    return read("/proc/stat");
  },
};

/** In place: a running container has them bound, and sees the new text. What it had not bound at its start it does not see. */
export function writeProcFiles(parts: { readonly root: string }, id: string, limits: Limits): Readonly<Record<string, string>> {
  const view = viewOf(limits);
  const texts = procTexts(MACHINE, view);
  if (Object.keys(texts).length > 0) mkdirSync(join(containerFolder(parts, id), "proc"), { recursive: true, mode: 0o755 });
  for (const [path, text] of Object.entries(texts)) writeFileSync(fileOf(parts, id, path), text);
  const lifted = FALLBACK_FILES.filter((path) => texts[path] === undefined && existsSync(fileOf(parts, id, path)));
  for (const path of lifted) writeFileSync(fileOf(parts, id, path), read(path)); // a limit that is gone: the machine's again
  return texts;
}

function viewOf(limits: Limits): View {
  const { cpu, memory } = resources(limits);
  const isLimited = cpu?.cpus !== undefined || cpu?.quota !== undefined; // node:os takes a millisecond to load
  const cpus = isLimited
    ? visibleCpus(availableParallelism(), {
        ...(cpu.cpus !== undefined && { cpuset: cpu.cpus }),
        ...(cpu.quota !== undefined && { quota: cpu.quota }),
        ...(cpu.period !== undefined && { period: cpu.period }),
      })
    : undefined;
  const limit = memory?.limit;
  return {
    ...(cpus !== undefined && { cpus }),
    ...(limit !== undefined && limit < totalmem() && { memory: limit, ...(memory?.swap !== undefined && memory.swap >= 0 && { swap: memory.swap - limit }) }),
  };
}

function lxcfsFolder(): string | undefined {
  return /^\S+ \S+ \S+ \S+ (\S+) .* - fuse\.lxcfs /m.exec(read("/proc/self/mountinfo"))?.[1];
}

function fileOf(parts: { readonly root: string }, id: string, path: string): string {
  return join(containerFolder(parts, id), "proc", path.slice(path.lastIndexOf("/") + 1));
}

function bind(destination: string, source: string): MountSpec {
  return { destination, type: "bind", source, options: READ_ONLY };
}

function read(path: string): string {
  return readFileSync(path, "latin1");
}
