/** What an ordinary user may divide: groups below a folder that root has given them (chown, or a service manager's delegation). Spec: cgroup-v2.rst, "Delegation". */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Resources } from "../../spec.ts";
import { controllerFolder, groupFolder, planGroups, type Groups } from "./groups.ts";
import type { CgroupLayout, Hierarchy } from "./layout.ts";
import { planCgroup } from "./plan.ts";

export interface Delegated {
  /** Undefined where no hierarchy is given to this user. */
  readonly groups: Groups | undefined;
  /** Without device rules, which only root of the machine may set, and without what no group can hold. */
  readonly resources: Resources;
  /** What was asked for and cannot be held. */
  readonly lost: readonly string[];
}

/** What is asked of the file system. */
export interface Look {
  exists(path: string): boolean;
  isWritable(path: string): boolean;
  words(path: string): readonly string[];
}

/** @throws {RuntimeError} `SPEC_INVALID` when the path climbs */
export function planDelegated(layout: CgroupLayout, parent: string, path: string, all: Resources, look: Look = machine): Delegated {
  const { devices: _, ...resources } = all;
  const ours = { ...layout, hierarchies: layout.hierarchies.map((one) => climbed(layout, one, look)) };
  const wanted = planGroups(ours, parent, path, holdable(layout, resources));
  const members = wanted.members.filter((member) => isGiven(nearest(groupFolder(wanted, member), look), layout.version, look));
  const groups = members.length === 0 ? undefined : { ...wanted, members };
  const [held, lost] = [true, false].map((can) => Object.entries(resources).filter(([name, value]) => canHold(groups, { [name]: value }, look) === can));
  return { groups, resources: Object.fromEntries(held ?? []), lost: (lost ?? []).map(([name]) => name) };
}

/** Of v1, limits for which the machine has a hierarchy: the others are not refused here but lost. */
function holdable(layout: CgroupLayout, resources: Resources): Resources {
  if (layout.version === 2) return resources;
  const known = new Set(layout.hierarchies.flatMap((one) => one.controllers));
  return Object.fromEntries(Object.entries(resources).filter(([name, value]) => planCgroup({ [name]: value }, 1).every((file) => known.has(file.controller))));
}

/** v2 gives no controller to groups beside processes, so groups are made in the topmost folder that is ours; v1 knows no such rule. */
function climbed({ version }: CgroupLayout, hierarchy: Hierarchy, look: Look): Hierarchy {
  if (version === 1) return hierarchy;
  let base = hierarchy.own ?? hierarchy.base;
  while (base !== hierarchy.mount && isGiven(dirname(base), version, look)) base = dirname(base);
  return { ...hierarchy, base };
}

/** The closest folder above a group that is there. */
function nearest(folder: string, look: Look): string {
  let above = dirname(folder);
  while (above !== "/" && !look.exists(above)) above = dirname(above);
  return above;
}

/** In v2 a process may only come from a group whose common parent is ours: that is what its `cgroup.procs` stands for. */
function isGiven(folder: string, version: 1 | 2, look: Look): boolean {
  return look.isWritable(folder) && (version === 1 || look.isWritable(`${folder}/cgroup.procs`));
}

function canHold(groups: Groups | undefined, limits: Resources, look: Look): boolean {
  const files = planCgroup(limits, groups?.version ?? 1);
  if (files.length === 0) return true;
  if (groups === undefined) return false;
  return files.every(({ controller, optional }) => {
    const folder = controllerFolder(groups, controller);
    return optional === true || (folder !== undefined && (groups.version === 1 || passedOn(nearest(folder, look), look).includes(controller)));
  });
}

/** Controllers that a v2 group gives to those below it, or can give: not beside processes of its own. */
function passedOn(folder: string, look: Look): readonly string[] {
  const given = look.words(`${folder}/cgroup.subtree_control`);
  const isFree = look.words(`${folder}/cgroup.procs`).length === 0 && look.isWritable(`${folder}/cgroup.subtree_control`);
  return isFree ? look.words(`${folder}/cgroup.controllers`) : given;
}

const machine: Look = {
  exists: existsSync,
  isWritable: (path) => {
    try {
      accessSync(path, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  },
  words: (path) => {
    try {
      return readFileSync(path, "utf8")
        .split(/\s+/)
        .filter((word) => word !== "");
    } catch {
      return [];
    }
  },
};
