/** What keeps running containers costs in memory: the processes above their programs, as far as they are theirs alone. */
import { readFileSync } from "node:fs";
import { BenchError } from "../errors.ts";

/** MiB, all together: proportional set sizes, so that what processes share is counted once. @param pids of the containers' programs */
export function supervisionOf(pids: readonly number[]): number {
  const supervisors = new Set(pids.flatMap(ancestorsOf));
  const kibibytes = [...supervisors].map((pid) => numberOf(pid, "smaps_rollup", /^Pss:\s+(\d+) kB$/m));
  return kibibytes.reduce((sum, one) => sum + one, 0) / 1024;
}

/** Whoever has no parent left was handed to the first process. */
function ancestorsOf(pid: number): readonly number[] {
  const parent = numberOf(pid, "status", /^PPid:\s+(\d+)$/m);
  return parent <= 1 ? [] : [parent, ...ancestorsOf(parent)];
}

function numberOf(pid: number, file: string, pattern: RegExp): number {
  const found = pattern.exec(readFileSync(`/proc/${pid}/${file}`, "utf8"))?.[1];
  if (found === undefined) throw new BenchError(`Cannot read /proc/${pid}/${file}`);
  return Number(found);
}
