/** What the whole machine uses, from the kernel's own counters: the same in both versions of control groups. Spec: proc(5). */
import { readFileSync } from "node:fs";
import type { Meter } from "../../../runtime/process.ts";

/** The kernel counts cpu time in hundredths of a second for user space. */
const NANOSECONDS_A_TICK = 10_000_000;

export function readNodeMeter(): Meter {
  return nodeMeter(readFileSync("/proc/stat", "utf8"), readFileSync("/proc/meminfo", "utf8"));
}

/** Pure: from the texts of /proc/stat and /proc/meminfo. Memory is what is in use without file cache that can go. */
export function nodeMeter(stat: string, meminfo: string): Meter {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? "").split(" ").map(Number);
  const bytes = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(meminfo)?.[1] ?? 0) * 1024;
  return {
    cpuTotal: (user + nice + system + irq + softirq + steal) * NANOSECONDS_A_TICK,
    memory: Math.max(0, bytes("MemTotal") - bytes("MemFree") - bytes("Inactive\\(file\\)")),
  };
}
