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
    layout: () => (layout ??= cgroupLayout(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync("/proc/self/cgroup", "utf8"))),
  };
}

/**
 * Undefined without privilege: groups are then neither made nor needed.
 * @throws {RuntimeError} `UNSUPPORTED` when something is limited all the same
 */
export function groupsOf(host: Host, id: string, cgroupsPath: string | undefined, resources: Resources | undefined): Groups | undefined {
  if (host.rootless || host.nested !== "no") {
    refuseLimits(resources ?? {});
    return undefined;
  }
  return planGroups(host.layout(), host.cgroupParent, cgroupsPath ?? id, resources ?? {});
}

/** Whoever is alone may not set groups either. */
function nestedHere(): Nested {
  if (process.getuid?.() !== 0 || !isInUserNamespace()) return "no";
  return readFileSync("/proc/self/setgroups", "latin1").startsWith("allow") ? "mapped" : "alone";
}

/** Devices need no group: an ordinary user's container only sees those that are bound into it. */
function refuseLimits({ devices: _devices, ...limits }: Resources): void {
  const [name] = Object.entries(limits).flatMap(([key, value]) => (value !== undefined && Object.keys(value as object).length > 0 ? [key] : []));
  if (name === undefined) return;
  throw new RuntimeError("UNSUPPORTED", `Cannot limit the container's ${LIMITED[name] ?? name}: an ordinary user has no control groups here`, {
    hint: "Leave the limit out, or run the container as root",
  });
}

const LIMITED: Readonly<Record<string, string>> = { cpu: "processor time", pids: "number of processes", blockIO: "disk traffic" };

const PASSED = /^(PATH|HOME|USER|LANG|TMPDIR|XDG_.*|STRATA_.*)$/;

/** For the exit command, which runs long after this process: no more than it needs. */
export function exitEnvironment(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value !== undefined && PASSED.test(name) ? [[name, value] as const] : [])));
}
