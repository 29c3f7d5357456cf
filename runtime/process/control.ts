/** A running container's groups: frozen, signalled, measured, changed. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../../store/process-id.ts";
import { RuntimeError } from "../errors.ts";
import type { Meter, Usage } from "../process.ts";
import type { Resources } from "../spec.ts";
import { controllerFolder, groupFolder, type Groups } from "./cgroup/groups.ts";
import { planCgroup, type CgroupFile } from "./cgroup/plan.ts";
import { orderUpdate } from "./cgroup/update.ts";
import type { Folder } from "./folder.ts";

const SIGKILL = 9;
const SIGCONT = 18;
const FREEZE_TRIES = 1000;
const REMOVE_TRIES = 200;

/** Resolves when no member runs any more. v1 may need to be asked again while members fork. */
export async function freeze(groups: Groups): Promise<void> {
  const folder = freezerFolder(groups);
  const [file, value, report, done] =
    groups.version === 1 ? ["freezer.state", "FROZEN", "freezer.state", /^FROZEN$/m] : ["cgroup.freeze", "1", "cgroup.events", /^frozen 1$/m];
  try {
    for (let tries = 0; tries < FREEZE_TRIES; tries++) {
      writeFileSync(`${folder}/${file}`, value);
      if (done.test(readFileSync(`${folder}/${report}`, "utf8"))) return;
      await sleep(1);
    }
  } catch (error) {
    throw isGone(error) ? new RuntimeError("CONTAINER_STATE", "Cannot freeze the container: it has ended", { cause: error }) : error;
  }
  thaw(groups);
  throw new RuntimeError("CGROUP_FAILED", `Cannot freeze the container: ${folder} still has members that run`);
}

/** Idempotent; a group that went with its last member needs it no more. */
export function thaw(groups: Groups): void {
  const [file, value] = groups.version === 1 ? ["freezer.state", "THAWED"] : ["cgroup.freeze", "0"];
  const folder = controllerFolder(groups, "freezer");
  if (folder === undefined) return; // an ordinary user may have no freezer
  try {
    writeFileSync(`${folder}/${file}`, value);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Groups that the container froze itself, too: before a process in them dies, and with it the pid namespace of all, it must run. */
export function thawAll(groups: Groups): void {
  thaw(groups);
  const folder = controllerFolder(groups, "freezer");
  if (groups.version === 1 && folder !== undefined) thawBelow(folder);
}

function thawBelow(folder: string): void {
  for (const name of groupsIn(folder)) {
    try {
      writeFileSync(`${folder}/${name}/freezer.state`, "THAWED");
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    thawBelow(`${folder}/${name}`);
  }
}

/** Members of the group and of groups that the container made inside. */
export function members(groups: Groups): readonly number[] {
  const [any] = groups.members;
  const folder = controllerFolder(groups, "freezer") ?? (any === undefined ? undefined : groupFolder(groups, any));
  return folder === undefined || !existsSync(folder) ? [] : membersBelow(folder);
}

/** Frozen meanwhile, so that none forks away; always thawed, for a frozen v1 task does not even die. */
export async function signalMembers(groups: Groups, signal: number): Promise<void> {
  if (members(groups).length === 0) return;
  await freeze(groups).catch(() => undefined); // what cannot be frozen can still be signalled
  try {
    for (const pid of members(groups)) sendSignal(pid, signal);
  } finally {
    if (signal === SIGKILL) thawAll(groups);
    else thaw(groups);
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENODEV";
}

/** A process that has gone meanwhile needs no signal. */
export function sendSignal(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * Leaf first, then the parents that nobody else uses. Members that are still dying keep a group busy for a moment.
 * @returns those that stay, for somebody else put a process there
 */
export async function removeGroups(groups: Groups): Promise<readonly string[]> {
  const busy: string[] = [];
  for (const member of groups.members) {
    const folder = groupFolder(groups, member);
    const patience = busy.length === 0 ? REMOVE_TRIES : 1;
    for (let tries = 0; tries < patience && !removeBelow(folder); tries++) await sleep(5);
    if (existsSync(folder)) busy.push(folder);
    const parts = groups.path.split("/");
    while (parts.length > 1) {
      parts.pop();
      if (!removeBelow(`${member.base}/${parts.join("/")}`, false)) break;
    }
  }
  return busy;
}

/** @returns the groups with those of `joinable` that the container was not in: it is now. @throws {RuntimeError} `CGROUP_FAILED` */
export function joinGroups(groups: Groups, joinable: Groups): Groups {
  const pids = members(groups);
  const fresh = joinable.members.filter((one) => !groups.members.some((own) => own.controllers.some((name) => one.controllers.includes(name))));
  for (const member of fresh) {
    mkdirSync(groupFolder(groups, member), { recursive: true });
    if (groups.version === 1 && member.controllers.includes("cpuset")) inheritCpuset(member.base, groups.path);
    for (const pid of pids) writeValue(`${groupFolder(groups, member)}/cgroup.procs`, String(pid));
  }
  return { ...groups, members: [...groups.members, ...fresh] };
}

/** @throws {RuntimeError} `CGROUP_FAILED` */
export function updateGroups(groups: Groups, resources: Resources): void {
  if (resources.memory?.checkBeforeUpdate === true) checkUsage(groups, resources.memory.limit);
  const files = planCgroup(resources, groups.version);
  for (const file of orderUpdate(files, (name, controller) => readNumber(`${controllerFolder(groups, controller) ?? ""}/${name}`))) writeFile(groups, file);
}

function checkUsage(groups: Groups, limit: number | undefined): void {
  const used = readNumber(filesOf(groups)("memory", groups.version === 1 ? "memory.usage_in_bytes" : "memory.current"));
  if (limit !== undefined && limit > 0 && used > limit)
    throw new RuntimeError("CGROUP_FAILED", `Cannot limit the container's memory to ${limit} bytes: it uses ${used}`);
}

/** A new v1 cpuset is empty and takes no process: from the base down, each gets what is above it. */
function inheritCpuset(base: string, path: string): void {
  const parts = path.split("/");
  const folders = parts.map((_, index) => `${base}/${parts.slice(0, index + 1).join("/")}`);
  for (const folder of folders) {
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      if (readText(`${folder}/${file}`).trim() === "") writeValue(`${folder}/${file}`, readText(`${dirname(folder)}/${file}`).trim());
    }
  }
}

/** What changes most and costs least to read. */
export function meterOf(groups: Groups): Meter {
  const at = filesOf(groups);
  if (groups.version === 1) {
    return {
      cpuTotal: readNumber(at("cpuacct", "cpuacct.usage")),
      memory: Math.max(0, readNumber(at("memory", "memory.usage_in_bytes")) - field(readText(at("memory", "memory.stat")), "total_inactive_file")),
    };
  }
  return {
    cpuTotal: field(readText(at("cpu", "cpu.stat")), "usage_usec") * 1000,
    memory: Math.max(0, readNumber(at("memory", "memory.current")) - field(readText(at("memory", "memory.stat")), "inactive_file")),
  };
}

function filesOf(groups: Groups): (controller: string, file: string) => string {
  return (controller, file) => `${controllerFolder(groups, controller) ?? ""}/${file}`;
}

export function usageOf(groups: Groups): Usage {
  const at = filesOf(groups);
  if (groups.version === 1) {
    return {
      ...meterOf(groups),
      cpuThrottledPeriods: field(readText(at("cpu", "cpu.stat")), "nr_throttled"),
      memoryLimit: readNumber(at("memory", "memory.limit_in_bytes")),
      pids: readNumber(at("pids", "pids.current")),
      ...ioOfFirst(at),
    };
  }
  return {
    ...meterOf(groups),
    cpuThrottledPeriods: field(readText(at("cpu", "cpu.stat")), "nr_throttled"),
    memoryLimit: readNumber(at("memory", "memory.max")),
    pids: readNumber(at("pids", "pids.current")),
    ...ioTotals(readText(at("io", "io.stat")), /(rbytes|wbytes)=(\d+)/g),
  };
}

function freezerFolder(groups: Groups): string {
  const folder = controllerFolder(groups, "freezer");
  if (folder === undefined) throw new RuntimeError("UNSUPPORTED", "Cannot freeze the container: this machine has no freezer cgroup");
  return folder;
}

/** In the group of that folder and those below. */
export function membersBelow(folder: string): readonly number[] {
  const own = readText(`${folder}/cgroup.procs`)
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
  return [...own, ...groupsIn(folder).flatMap((name) => membersBelow(`${folder}/${name}`))];
}

/** None of a group that has gone meanwhile. */
function groupsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** @returns whether it is gone */
function removeBelow(folder: string, deep = true): boolean {
  try {
    if (deep) for (const name of groupsIn(folder)) removeBelow(`${folder}/${name}`);
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function writeFile(groups: Groups, file: CgroupFile): void {
  const folder = controllerFolder(groups, file.controller);
  if (folder === undefined && file.optional === true) return;
  const { instead } = file;
  try {
    writeValue(`${folder ?? ""}/${file.file}`, file.value);
  } catch (error) {
    if (instead !== undefined && !existsSync(`${folder ?? ""}/${file.file}`)) writeValue(`${folder ?? ""}/${instead.file}`, instead.value);
    else if (file.optional !== true) throw error;
  }
}

function writeValue(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ESRCH") return; // it ended before it could be moved
    if (isGone(error) && !existsSync(dirname(path)))
      throw new RuntimeError("CONTAINER_STATE", "Cannot change the container's limits: it has ended", { cause: error });
    throw new RuntimeError("CGROUP_FAILED", `Cannot write ${JSON.stringify(value)} to ${path}: ${code}`, { cause: error, errno: code });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // a controller that is not there counts nothing
  }
}

/** `max` is more than any machine has. */
function readNumber(path: string): number {
  const text = readText(path).trim();
  return text === "max" ? Number.MAX_SAFE_INTEGER : Math.min(Number(text === "" ? 0 : text), Number.MAX_SAFE_INTEGER);
}

function field(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

/** v1: newer kernels count in the throttle's files only where a device was once throttled, and in bfq's only where that schedules it. */
function ioOfFirst(at: ReturnType<typeof filesOf>): ReturnType<typeof ioTotals> {
  const [throttle, bfq] = (["throttle", "bfq"] as const).map((policy) =>
    ioTotals(readText(at("blkio", `blkio.${policy}.io_service_bytes_recursive`)), /(Read|Write) (\d+)$/gm),
  );
  return { ioRead: Math.max(throttle?.ioRead ?? 0, bfq?.ioRead ?? 0), ioWrite: Math.max(throttle?.ioWrite ?? 0, bfq?.ioWrite ?? 0) };
}

function ioTotals(text: string, pattern: RegExp): { readonly ioRead: number; readonly ioWrite: number } {
  const totals = { ioRead: 0, ioWrite: 0 };
  for (const [, kind = "", bytes] of text.matchAll(pattern)) totals[/^r/i.test(kind) ? "ioRead" : "ioWrite"] += Number(bytes);
  return totals;
}

/** A monitor that somebody stopped (SIGSTOP) would tell nobody of the end of its program. */
export function wakeMonitor(folder: Folder): void {
  const { monitor, monitorStartTime } = folder.pids() ?? { monitor: 0, monitorStartTime: 0 };
  if (isAlive(monitor, monitorStartTime)) sendSignal(monitor, SIGCONT);
}
