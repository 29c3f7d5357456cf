/** What could leak, counted: of this process, of its root, and of the machine. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rootTag } from "../runtime/engine/identity.ts";
import { type Inventory, leaksOf } from "./leaks.ts";
import type { Place } from "./place.ts";

const MIB = 1 << 20;

/** Watchers and links go a moment after their containers: so long they may take. */
const SETTLE_MS = 10_000;

/** Once nothing is more than before, or has had the time to go. */
export async function settledInventory(place: Place, before: Inventory): Promise<Inventory> {
  await place.engine.networks.removeIdle(); // it would wait some seconds for the next container
  for (const deadline = Date.now() + SETTLE_MS; ; await sleep(100)) {
    const found = takeInventory(place);
    if (leaksOf(before, found).length === 0 || Date.now() > deadline) return found;
  }
}

export function takeInventory({ root, runRoot }: Place): Inventory {
  globalThis.gc?.();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  return {
    "file descriptors": entries("/proc/self/fd"),
    "memory, MiB": Math.round(rss / MIB),
    "of that, program and libraries, MiB": Math.round(mappedFiles() / MIB),
    "heap in use, KiB": Math.round(heapUsed / 1024), // what a leak of ours would be in
    "heap reserved, MiB": Math.round(heapTotal / MIB),
    "buffers and code beside the heap, MiB": Math.round(external / MIB),
    "child processes": lines(`/proc/self/task/${process.pid}/children`, " "),
    "monitors and keepers": supervisors(runRoot),
    mounts: mountsOf(root, runRoot),
    "container cgroups": containerGroups(),
    "cgroups of the machine, dying ones too": machineGroups(),
    "named network namespaces": entries(join(runRoot, "netns")),
    "network namespaces in use": namespaces(),
    links: readdirSync("/sys/class/net").filter((name) => name.startsWith(`st${rootTag(root)}`)).length,
    "run folder, entries": filesBelow(runRoot),
    "writable layers": entries(join(root, "active")),
    "container folders": entries(join(root, "containers")),
    "unfinished work": entries(join(root, "ingest")),
    "database, KiB": Number(execFileSync("du", ["-sk", join(root, "db")], { encoding: "utf8" }).split("\t")[0]),
  };
}

/** Bytes of mapped files that are in memory: they are shared, and do not count as ours. */
function mappedFiles(): number {
  return Number(/^RssFile:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]) * 1024;
}

/** Those of others come and go. */
function mountsOf(...folders: readonly string[]): number {
  const all = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return all.filter((line) => folders.some((folder) => line.includes(folder))).length;
}

function entries(folder: string): number {
  return existsSync(folder) ? readdirSync(folder).length : 0;
}

function filesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true }).length;
}

function lines(path: string, separator: string): number {
  return readFileSync(path, "utf8").trim().split(separator).filter(Boolean).length;
}

/** Processes that hold a state folder of ours open. */
function supervisors(runRoot: string): number {
  return processes().filter((pid) => {
    try {
      return /^strata-(?:monitor|keeper)\n$/.test(readFileSync(`/proc/${pid}/comm`, "utf8")) && descriptorsOf(pid).some((path) => path.startsWith(runRoot));
    } catch {
      return false; // ended meanwhile
    }
  }).length;
}

function descriptorsOf(pid: string): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
}

/** In the freezer, where every container is (v1), or the one hierarchy (v2), below the group that we are in. */
function containerGroups(): number {
  const own = readFileSync("/proc/self/cgroup", "utf8");
  const path = /:freezer:(.*)/.exec(own)?.[1];
  const folder = path === undefined ? "/sys/fs/cgroup/strata" : join("/sys/fs/cgroup/freezer", path, "strata");
  return existsSync(folder) ? readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).length : 0;
}

/** The third column of /proc/cgroups (v1), which counts groups until their last page is gone. */
function machineGroups(): number {
  return Math.max(
    ...readFileSync("/proc/cgroups", "utf8")
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => Number(line.split("\t")[2])),
  );
}

function namespaces(): number {
  const found = processes().map((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/net`);
    } catch {
      return ""; // ended meanwhile
    }
  });
  return new Set(found.filter(Boolean)).size;
}

function processes(): readonly string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}
