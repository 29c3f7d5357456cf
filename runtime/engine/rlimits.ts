/** --ulimit as OCI rlimits. Our own wishes are clamped to the hard limit of this process; raising that needs CAP_SYS_RESOURCE. */
import { readFileSync } from "node:fs";
import type { ContainerOptions } from "../engine.ts";
import type { ProcessSpec } from "../spec.ts";

/** Row titles of /proc/self/limits. Spec: proc(5). */
const TITLES: Readonly<Record<string, string>> = {
  cpu: "Max cpu time",
  fsize: "Max file size",
  data: "Max data size",
  stack: "Max stack size",
  core: "Max core file size",
  rss: "Max resident set",
  nproc: "Max processes",
  nofile: "Max open files",
  memlock: "Max locked memory",
  as: "Max address space",
  locks: "Max file locks",
  sigpending: "Max pending signals",
  msgqueue: "Max msgqueue size",
  nice: "Max nice priority",
  rtprio: "Max realtime priority",
  rttime: "Max realtime timeout",
};

/** What `unlimited` becomes: setrlimit's RLIM_INFINITY does not fit a JavaScript number, -1 stands for it. */
const UNLIMITED = -1;

export type Rlimits = NonNullable<ProcessSpec["rlimits"]>;

export function rlimits(wanted: NonNullable<ContainerOptions["ulimits"]>, own: string): Rlimits {
  return wanted.map(({ name, soft, hard }) => {
    const most = hardLimit(own, name);
    return { type: `RLIMIT_${name.toUpperCase()}`, soft: clamp(soft, most), hard: clamp(hard, most) };
  });
}

export function ownLimits(): string {
  return readFileSync("/proc/self/limits", "latin1");
}

function hardLimit(own: string, name: string): number {
  const title = TITLES[name];
  const line = title === undefined ? undefined : own.split("\n").find((row) => row.startsWith(title));
  const hard = line?.slice(26).trim().split(/\s+/)[1];
  return hard === undefined || hard === "unlimited" ? UNLIMITED : Number(hard);
}

function clamp(value: number, most: number): number {
  if (most === UNLIMITED) return value;
  return value === UNLIMITED ? most : Math.min(value, most);
}
