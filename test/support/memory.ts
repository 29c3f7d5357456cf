import { readFileSync } from "node:fs";
import type { Server } from "./cli.ts";

/** MiB of memory: the most that the server ever had. */
export function peakMiB({ process: { pid } }: Server): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
