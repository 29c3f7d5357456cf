/** What a process's network namespace received and sent, without what stayed on it. Spec: proc_pid_net(5), "dev". */
import { readFileSync } from "node:fs";

export interface Traffic {
  /** Bytes. */
  readonly received: number;
  readonly sent: number;
}

/** Position of the bytes sent behind an interface's name: eight counters of what came in are before it. */
const SENT = 8;

/** Nothing where the process has ended. */
export function trafficOf(pid: number): Traffic {
  try {
    return parseTraffic(readFileSync(`/proc/${pid}/net/dev`, "utf8"));
  } catch {
    return { received: 0, sent: 0 };
  }
}

export function parseTraffic(text: string): Traffic {
  const rows = text.split("\n").flatMap((line) => {
    const [name = "", counters] = line.split(":");
    return counters === undefined || name.trim() === "lo" ? [] : [counters.trim().split(/\s+/).map(Number)];
  });
  const sum = (column: number): number => rows.reduce((total, row) => total + (row[column] ?? 0), 0);
  return { received: sum(0), sent: sum(SENT) };
}
