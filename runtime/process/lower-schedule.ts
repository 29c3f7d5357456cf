/** Pure: how the kernel treats the program: scheduling, disk priority, processors, memory nodes, personality. Source: linux/sched.h, ioprio.h, mempolicy.h, personality.h. */
import { RuntimeError } from "../errors.ts";
import type { LinuxSpec, ProcessSpec } from "../spec.ts";
import type { Operation } from "./operation.ts";

const POLICIES = ["SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"];
const SCHEDULER_FLAGS = [
  "SCHED_FLAG_RESET_ON_FORK",
  "SCHED_FLAG_RECLAIM",
  "SCHED_FLAG_DL_OVERRUN",
  "SCHED_FLAG_KEEP_POLICY",
  "SCHED_FLAG_KEEP_PARAMS",
  "SCHED_FLAG_UTIL_CLAMP_MIN",
  "SCHED_FLAG_UTIL_CLAMP_MAX",
];
const IO_CLASSES = ["IOPRIO_CLASS_NONE", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"];
const MEMORY_MODES = ["MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"];
const MEMORY_FLAGS: Readonly<Record<string, number>> = { MPOL_F_NUMA_BALANCING: 1 << 13, MPOL_F_RELATIVE_NODES: 1 << 14, MPOL_F_STATIC_NODES: 1 << 15 };
const PERSONALITIES: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };

/** For a process that is in its cgroups and still privileged. @throws {RuntimeError} `SPEC_INVALID`, `UNSUPPORTED` */
export function lowerSchedule(process: ProcessSpec, linux: LinuxSpec = {}): readonly Operation[] {
  return [...schedulerOf(process), ...ioPriorityOf(process), ...memoryPolicyOf(linux), ...personalityOf(linux)];
}

/** Processors of a program that joins a container: `initial` before it is in the cgroups, `final` after. @throws {RuntimeError} `SPEC_INVALID` */
export function lowerAffinity(list: string | undefined): readonly Operation[] {
  return list === undefined || list === "" ? [] : [["affinity", ...numbersIn(list, "process.execCPUAffinity")]];
}

function schedulerOf({ scheduler }: ProcessSpec): readonly Operation[] {
  if (scheduler === undefined) return [];
  const { policy, nice = 0, priority = 0, flags = [], runtime = 0, deadline = 0, period = 0 } = scheduler;
  const bits = flags.reduce((sum, flag) => sum | (1 << indexOf(SCHEDULER_FLAGS, flag, "process.scheduler.flags")), 0);
  return [["scheduler", indexOf(POLICIES, policy, "process.scheduler.policy"), nice, priority, bits, runtime, deadline, period]];
}

function ioPriorityOf({ ioPriority }: ProcessSpec): readonly Operation[] {
  if (ioPriority === undefined) return [];
  return [["io-priority", indexOf(IO_CLASSES, ioPriority.class, "process.ioPriority.class"), ioPriority.priority ?? 0]];
}

function memoryPolicyOf({ memoryPolicy }: LinuxSpec): readonly Operation[] {
  if (memoryPolicy === undefined) return [];
  const { mode, nodes = "", flags = [] } = memoryPolicy;
  const bits = flags.reduce((sum, flag) => sum | named(MEMORY_FLAGS, flag, "linux.memoryPolicy.flags"), indexOf(MEMORY_MODES, mode, "linux.memoryPolicy.mode"));
  return [["memory-policy", bits, ...(nodes === "" ? [] : numbersIn(nodes, "linux.memoryPolicy.nodes"))]];
}

function personalityOf({ personality }: LinuxSpec): readonly Operation[] {
  if (personality === undefined) return [];
  if ((personality.flags ?? []).length > 0)
    throw new RuntimeError("UNSUPPORTED", `Cannot set linux.personality.flags ${JSON.stringify(personality.flags)}: the specification knows none`);
  return [["personality", named(PERSONALITIES, personality.domain, "linux.personality.domain")]];
}

function indexOf(names: readonly string[], name: string, property: string): number {
  const index = names.indexOf(name);
  if (index < 0) throw new RuntimeError("SPEC_INVALID", `Cannot set ${property} ${JSON.stringify(name)}: it is none of ${names.join(", ")}`);
  return index;
}

function named(values: Readonly<Record<string, number>>, name: string, property: string): number {
  const value = values[name];
  if (value === undefined)
    throw new RuntimeError("SPEC_INVALID", `Cannot set ${property} ${JSON.stringify(name)}: it is none of ${Object.keys(values).join(", ")}`);
  return value;
}

const MAX_NUMBER = 1023;

/** `0-3,7` */
function numbersIn(list: string, property: string): readonly number[] {
  return list.split(",").flatMap((part) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) > MAX_NUMBER)
      throw new RuntimeError("SPEC_INVALID", `Cannot read ${property} ${JSON.stringify(list)}: it is no list of numbers up to ${MAX_NUMBER}`);
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
  });
}
