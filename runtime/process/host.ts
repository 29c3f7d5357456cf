/** What this machine and this user give: where state is, which cgroups are ours. */
import { readFileSync } from "node:fs";
import type { Resources } from "../spec.ts";
import { planGroups, type Groups } from "./cgroup/groups.ts";
import { cgroupLayout, type CgroupLayout } from "./cgroup/layout.ts";

export interface Host {
  readonly runRoot: string;
  readonly helper: string;
  /** Folder of all containers' groups below each base; empty: the spec's path as it is. */
  readonly cgroupParent: string;
  readonly rootless: boolean;
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
    layout: () => (layout ??= cgroupLayout(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync("/proc/self/cgroup", "utf8"))),
  };
}

/** Undefined without privilege: groups are then neither made nor needed. */
export function groupsOf(host: Host, id: string, cgroupsPath: string | undefined, resources: Resources | undefined): Groups | undefined {
  if (host.rootless) return undefined;
  return planGroups(host.layout(), host.cgroupParent, cgroupsPath ?? id, resources ?? {});
}

const PASSED = /^(PATH|HOME|USER|LANG|TMPDIR|XDG_.*|STRATA_.*|NODE_EXTRA_CA_CERTS|SSL_CERT_.*)$/;

/** For the exit command, which runs long after this process: no more than it needs. */
export function exitEnvironment(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value !== undefined && PASSED.test(name) ? [[name, value] as const] : [])));
}
