/** Whom the kernel ends first when memory runs out. Spec: Kubernetes documentation, "Node-pressure Eviction", "Node out of memory behavior". */
import { readFileSync } from "node:fs";

export interface NodeMemory {
  /** Bytes: the score of burstable containers is relative to it. */
  readonly memory: number;
  /** The kernel takes no lower one from this process. */
  readonly leastScore: number;
}

const CAP_SYS_RESOURCE = 24n;

export function oomScore(qos: string | undefined, request: number, { memory, leastScore }: NodeMemory): number {
  return Math.max(leastScore, wantedScore(qos, request, memory));
}

function wantedScore(qos: string | undefined, request: number, memory: number): number {
  if (qos === "Guaranteed") return -997;
  if (qos === "BestEffort") return 1000;
  return Math.min(999, Math.max(3, Math.floor(1000 - (1000 * request) / memory)));
}

/** Without the capability a process cannot go below its own. */
export function leastScore(): number {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
  return (BigInt(`0x${mask}`) >> CAP_SYS_RESOURCE) & 1n ? -1000 : Number(readFileSync("/proc/self/oom_score_adj", "latin1"));
}
