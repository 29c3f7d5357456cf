/** What a process and all that it started use. */
import { readdirSync, readFileSync } from "node:fs";

/** Linux tells times to programs in hundredths of a second, on every machine. */
const TICKS_PER_SECOND = 100;

/** Where `statOf` has the parent, and the times in user and system mode: its own, and its ended children's. */
const PARENT = 1;
const TIMES = [11, 15] as const;

/** A process and all below it. */
export function treeOf(pid: number): readonly number[] {
  const parents = new Map(
    readdirSync("/proc").flatMap((name): (readonly [number, number])[] => {
      const fields = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
      return fields === undefined ? [] : [[Number(name), Number(fields[PARENT])]];
    }),
  );
  const below = (parent: number): readonly number[] => [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)]);
  return [pid, ...below(pid)];
}

/** MB of memory that is resident; pages that several of them map count for each. */
export function residentOf(pids: readonly number[]): number {
  const kibibytes = pids.map((pid) => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readIfThere(`/proc/${pid}/status`) ?? "")?.[1] ?? 0));
  return (kibibytes.reduce((sum, one) => sum + one, 0) * 1024) / 1e6;
}

/** Seconds of processor time so far, with that of children which have ended. */
export function cpuOf(pids: readonly number[]): number {
  const ticks = pids.flatMap((pid) => statOf(pid)?.slice(...TIMES) ?? []);
  return ticks.reduce((sum, one) => sum + Number(one), 0) / TICKS_PER_SECOND;
}

/** From the state, the third field, on; undefined when it has just gone. Spec: proc_pid_stat(5). */
function statOf(pid: number): readonly string[] | undefined {
  const text = readIfThere(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
