/** Pure: which groups a container joins, and the helper's operations that make and fill them. */
import type { Resources } from "../../spec.ts";
import { RuntimeError } from "../../errors.ts";
import type { Operation } from "../operation.ts";
import { compileDeviceRules } from "./device-program.ts";
import { isUnrestricted, type DeviceRule } from "./devices.ts";
import type { CgroupLayout, Hierarchy } from "./layout.ts";
import { planCgroup, type CgroupFile } from "./plan.ts";

export interface Groups {
  readonly version: 1 | 2;
  /** Path below each base. */
  readonly path: string;
  readonly members: readonly Member[];
}

export type Member = Pick<Hierarchy, "controllers" | "base">;

/** Joined by every container in v1: device rules, the freezer, and what usage and the out-of-memory count are read from. */
const ALWAYS = ["devices", "freezer", "memory", "pids", "cpuacct"];
const MAX_PATH_BYTES = 1024;

/**
 * `everywhere` joins every hierarchy of v1, as callers of an OCI runtime expect who measure there; else those that matter, for each costs time.
 * @throws {RuntimeError} `SPEC_INVALID` when the path climbs
 */
export function planGroups(layout: CgroupLayout, parent: string, cgroupsPath: string, resources: Resources, everywhere = false): Groups {
  const parts = `${parent}/${cgroupsPath}`.split("/").filter((part) => part !== "" && part !== ".");
  const path = parts.join("/");
  if (parts.includes("..") || path.length > MAX_PATH_BYTES)
    throw new RuntimeError("SPEC_INVALID", `Cannot use ${JSON.stringify(cgroupsPath)} as cgroups path: it leaves its parent`);
  const files = planCgroup(resources, layout.version);
  if (layout.version === 1) needControllers(layout, files);
  const wanted = new Set([...ALWAYS, ...files.map((file) => file.controller)]);
  const joined = layout.version === 2 || everywhere ? layout.hierarchies : layout.hierarchies.filter((one) => one.controllers.some((name) => wanted.has(name)));
  // An absolute path is one from the mount point on; ours are below the group that we are in ourselves.
  const isAbsolute = parent === "" && cgroupsPath.startsWith("/");
  const members = joined.map(({ controllers, base, mount }) => ({ controllers, base: isAbsolute ? mount : base }));
  return { version: layout.version, path, members };
}

/** A limit that no hierarchy of this machine can hold is refused, not dropped. */
function needControllers(layout: CgroupLayout, files: readonly CgroupFile[]): void {
  const known = new Set(layout.hierarchies.flatMap((one) => one.controllers));
  const missing = files.find((file) => file.optional !== true && file.controller !== "devices" && !known.has(file.controller));
  if (missing === undefined) return;
  throw new RuntimeError("UNSUPPORTED", `Cannot set ${missing.file}: this machine has no ${missing.controller} cgroups`);
}

/** For the monitor, before `clone`. */
export function groupOperations(groups: Groups, resources: Resources): readonly Operation[] {
  const files = planCgroup(resources, groups.version);
  return [...groups.members.flatMap((member) => memberOperations(groups, member, files, resources.devices)), ...oomOperation(groups)];
}

/** For a process that joins a container. */
export function joinOperations(groups: Groups): readonly Operation[] {
  return groups.members.map((member): Operation => ["cgroup-join", groupFolder(groups, member), groups.version === 2 ? 1 : 0]);
}

export function groupFolder(groups: Groups, member: Member): string {
  return `${member.base}/${groups.path}`;
}

/** The folder in the hierarchy of `controller`; undefined when the container is in none. */
export function controllerFolder(groups: Groups, controller: string): string | undefined {
  const member = groups.members.find((one) => groups.version === 2 || one.controllers.includes(controller));
  return member === undefined ? undefined : groupFolder(groups, member);
}

function memberOperations(groups: Groups, member: Member, files: readonly CgroupFile[], devices: readonly DeviceRule[] | undefined): readonly Operation[] {
  const folder = groupFolder(groups, member);
  const own = files.filter((file) => groups.version === 2 || member.controllers.includes(file.controller));
  const enable = groups.version === 2 ? enableOperations(groups, member, own) : [];
  return [
    ...enable,
    ["cgroup-make", member.base, groups.path, member.controllers.includes("cpuset") ? 1 : 0],
    ...(groups.version === 2 ? deviceOperations(folder, devices) : []),
    ...own.flatMap((file) => setOperations(groups, member, file)),
    ["cgroup-join", folder, groups.version === 2 ? 1 : 0],
  ];
}

function setOperations(groups: Groups, member: Member, { file, value, optional, instead, inherited }: CgroupFile): readonly Operation[] {
  const folder = groupFolder(groups, member);
  const parents = inherited === true ? foldersAbove(groups, member) : [];
  if (instead !== undefined) return [["cgroup-either", `${folder}/${file}`, value, `${folder}/${instead.file}`, instead.value]];
  // A group above that has more to give keeps it; when it has too little, it is the container's own file that says so.
  const above = parents.map((one): Operation => ["cgroup-set", `${one}/${file}`, value, 1]);
  return [...above, ["cgroup-set", `${folder}/${file}`, value, optional === true ? 1 : 0]];
}

/** Those between our own group and the container's, from above. */
function foldersAbove(groups: Groups, member: Member): readonly string[] {
  const parts = groups.path.split("/").slice(0, -1);
  return parts.map((_, index) => `${member.base}/${parts.slice(0, index + 1).join("/")}`);
}

/** A container to which all is allowed needs no filter; without rules it is a user's, who may set none. */
function deviceOperations(folder: string, rules: readonly DeviceRule[] | undefined): readonly Operation[] {
  return rules === undefined || isUnrestricted(rules) ? [] : [["cgroup-devices", folder, compileDeviceRules(rules)]];
}

/** v2 gives a group only the controllers that every ancestor passes on. */
function enableOperations(groups: Groups, member: Member, files: readonly CgroupFile[]): readonly Operation[] {
  const controllers = new Set(["cpu", "cpuset", "memory", "pids", "io", ...files.map(({ controller }) => controller)]);
  const parents = groups.path.split("/").slice(0, -1);
  const folders = [member.base, ...foldersAbove(groups, member)];
  const made: readonly Operation[] = parents.length === 0 ? [] : [["cgroup-make", member.base, parents.join("/"), 0]];
  return [
    ...made,
    ...folders.flatMap((folder) => [...controllers].map((name): Operation => ["cgroup-set", `${folder}/cgroup.subtree_control`, `+${name}`, 1])),
  ];
}

function oomOperation(groups: Groups): readonly Operation[] {
  const folder = controllerFolder(groups, "memory");
  return folder === undefined ? [] : [["cgroup-oom", `${folder}/${groups.version === 1 ? "memory.oom_control" : "memory.events"}`]];
}
