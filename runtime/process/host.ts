/** What this machine and this user give: where state is, which cgroups are ours. */
import { readFileSync } from "node:fs";
import { isInUserNamespace } from "../../store/user-namespace.ts";
import { RuntimeError } from "../errors.ts";
import type { Resources } from "../spec.ts";
import { planGroups, type Groups } from "./cgroup/groups.ts";
import { cgroupLayout, type CgroupLayout } from "./cgroup/layout.ts";

export type Nested = "no" | "mapped" | "alone";

export interface Host {
  readonly runRoot: string;
  readonly helper: string;
  /** Folder of all containers' groups below each base; empty: the spec's path as it is. */
  readonly cgroupParent: string;
  /** Neither root nor in a user namespace of theirs: each container makes one, for this user alone. */
  readonly rootless: boolean;
  /** Root of a user namespace, which containers share, with its ids or alone there. */
  readonly nested: Nested;
  /** Limits that an ordinary user's groups cannot hold are told as warnings, not refused. */
  readonly dropLimits: boolean;
  layout(): CgroupLayout;
  /** Takes what went wrong but stops nothing. */
  readonly warn: (text: string) => void;
}

export interface HostOptions {
  readonly runRoot: string;
  readonly helper: string;
  /** Folder of all groups made here, "strata" by default; "" takes each spec's path as it is. */
  readonly cgroupParent?: string;
  /** Read from this machine when absent. */
  readonly layout?: CgroupLayout;
  /** @default false */
  readonly dropLimits?: boolean;
  /** @default told as a warning of this process */
  readonly warn?: (text: string) => void;
}

export function openHost(options: HostOptions): Host {
  let { layout } = options;
  return {
    runRoot: options.runRoot,
    helper: options.helper,
    cgroupParent: options.cgroupParent ?? "strata",
    warn:
      options.warn ??
      ((text) => {
        process.emitWarning(text);
      }),
    rootless: process.getuid?.() !== 0,
    nested: nestedHere(),
    dropLimits: options.dropLimits ?? false,
    layout: () => (layout ??= cgroupLayout(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync("/proc/self/cgroup", "utf8"))),
  };
}

export interface Placed {
  /** Undefined where this user may make none. */
  readonly groups: Groups | undefined;
  /** Those that the groups hold. */
  readonly resources: Resources;
}

/**
 * The groups of a container, and what they can hold. An ordinary user has those below a folder that root gave them, if any.
 * @throws {RuntimeError} `SPEC_INVALID`; `UNSUPPORTED` when something is limited that cannot be, unless such limits are dropped here
 */
export async function placeContainer(host: Host, id: string, cgroupsPath: string | undefined, resources: Resources): Promise<Placed> {
  if (host.rootless || host.nested !== "no") return await placeDelegated(host, host.cgroupParent, cgroupsPath ?? id, resources);
  return { groups: planGroups(host.layout(), host.cgroupParent, cgroupsPath ?? id, resources, host.cgroupParent === ""), resources };
}

/** For limits that change: the groups to be in then. */
export async function placeUpdate(host: Host, groups: Groups, resources: Resources): Promise<Placed> {
  if (host.rootless || host.nested !== "no") return await placeDelegated(host, "", groups.path, resources);
  return { groups: planGroups(host.layout(), "", groups.path, resources), resources };
}

async function placeDelegated(host: Host, parent: string, path: string, wanted: Resources): Promise<Placed> {
  const { planDelegated } = await import("./cgroup/delegation.ts");
  const { groups, resources, lost } = planDelegated(host.layout(), parent, path, wanted);
  for (const name of lost) dropLimit(host, LIMITED[name] ?? name);
  return { groups, resources };
}

/** Whoever is alone may not set groups either. */
function nestedHere(): Nested {
  if (process.getuid?.() !== 0 || !isInUserNamespace()) return "no";
  return readFileSync("/proc/self/setgroups", "latin1").startsWith("allow") ? "mapped" : "alone";
}

/** @throws {RuntimeError} `UNSUPPORTED` */
function dropLimit(host: Host, name: string): void {
  const state = "this user has no control group that could hold it";
  if (host.dropLimits) return host.warn(`Cannot limit the container's ${name}: ${state}. Limitation discarded.`);
  throw new RuntimeError("UNSUPPORTED", `Cannot limit the container's ${name}: ${state}`, {
    hint: "Leave the limit out, have root give this user a control group (docs/decisions/rootless.md), or run the container as root",
  });
}

const LIMITED: Readonly<Record<string, string>> = { cpu: "processor time", pids: "number of processes", blockIO: "disk traffic" };

const PASSED = /^(PATH|HOME|USER|LANG|TMPDIR|XDG_.*|STRATA_.*)$/;

/** For the exit command, which runs long after this process: no more than it needs. */
export function exitEnvironment(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value !== undefined && PASSED.test(name) ? [[name, value] as const] : [])));
}
