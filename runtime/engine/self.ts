/** This very process, named for good by its pid and start time. */
import { startTimeOf } from "../../store/process-id.ts";

export interface ProcessName {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat. */
  readonly startTime: number;
}

export function ownProcess(): ProcessName {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? 0 };
}
